#include "agent/base/system_trust.h"

#include <fmt/format.h>
#include <openssl/ssl.h>
#include <sys/stat.h>

namespace haagent {

std::shared_ptr<void> SystemTrust::of(std::string const& file) {
  struct stat status{};
  if (::stat(file.c_str(), &status) != 0) return nullptr;
  auto const now = fmt::format("{} {} {} {}.{:09}", file, status.st_ino, status.st_size,
                               status.st_mtim.tv_sec, status.st_mtim.tv_nsec);
  std::lock_guard lock(mutex_);
  if (now == known_) return store_;
  std::shared_ptr<X509_STORE> const store(X509_STORE_new(), X509_STORE_free);
  if (!store || X509_STORE_load_file(store.get(), file.c_str()) != 1) return nullptr;
  // As libcurl has it for what it reads itself.
  X509_STORE_set_flags(store.get(), X509_V_FLAG_TRUSTED_FIRST | X509_V_FLAG_PARTIAL_CHAIN);
  store_ = store;
  known_ = now;
  return store_;
}

void use_trust(void* ssl_context, std::shared_ptr<void> const& store) {
  SSL_CTX_set1_cert_store(static_cast<SSL_CTX*>(ssl_context),
                          static_cast<X509_STORE*>(store.get()));
}

}  // namespace haagent
