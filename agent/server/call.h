// What the server hands to those who answer for it.
#pragma once

#include <string>

namespace haagent {

// What a caller has sent, and who it is.
struct ServerCall {
  std::string body;         // of at most the route's cap
  std::string certificate;  // PEM; one that the server's trust has signed. Empty: none was shown
  std::string address;      // where the connection comes from
  // Of TLS: the hash of the key that the server has shown (agent/base/server_key.h), and 64
  // hexadecimal digits that no other connection has.
  std::string server_key = {};
  std::string nonce = {};
};
struct ServerReply {
  int status = 200;
  std::string sentence;
};

}  // namespace haagent
