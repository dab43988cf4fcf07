// What the server hands to those who answer for it.
#pragma once

#include <string>

namespace haagent {

// What a caller has sent, and who it is.
struct ServerCall {
  std::string body;         // of at most kAnnouncementCap bytes
  std::string certificate;  // PEM; one that the agents' authority has signed
  std::string address;      // where the connection comes from
};
struct ServerReply {
  int status = 200;
  std::string sentence;
};

}  // namespace haagent
