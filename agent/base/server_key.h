// TLS with a server of which only its key is known: by the SHA-256 of its SubjectPublicKeyInfo, in
// hexadecimal, as HPKP and kubeadm's discovery have it. What else its certificate says counts for
// nothing.
#pragma once

#include <string>

namespace haagent {

// Lives as long as the connections that it was given to.
struct ServerKeyCheck {
  std::string wanted;  // kAnyServerKey: whoever answers
  std::string seen;    // of the last handshake; empty: there was none
};

// From now on, handshakes of this SSL_CTX (OpenSSL's) go by the check alone.
void check_server_key(void* ssl_context, ServerKeyCheck& check);

// Of an X509_PUBKEY, of OpenSSL; empty where there is none.
std::string key_hash(void const* public_key);

}  // namespace haagent
