// The authorities that this machine trusts, read once and not for each connection: Debian's file
// has 140 of them, which OpenSSL 3.0 takes 16 ms of a processor to read, and a boot makes a dozen
// connections to AWS.
#pragma once

#include <memory>
#include <mutex>
#include <string>

namespace haagent {

class SystemTrust {
 public:
  // OpenSSL's X509_STORE of a PEM file, which any number of connections share; read again where the
  // file has become another. Null where there is none that can be read. Safe to use from several
  // threads.
  std::shared_ptr<void> of(std::string const& file);

 private:
  std::mutex mutex_;
  std::string known_;  // of which file, as it was: its name, inode, size and time
  std::shared_ptr<void> store_;
};

// From now on, handshakes of this SSL_CTX (OpenSSL's) go by that store.
void use_trust(void* ssl_context, std::shared_ptr<void> const& store);

}  // namespace haagent
