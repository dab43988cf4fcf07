// Writes every secret of the cluster again, so that the apiserver encrypts each with its present
// key: it writes one whose ciphertext is another key's even where nothing else has changed.
#pragma once

#include <cstddef>
#include <stop_token>
#include <string>

#include "agent/base/http.h"
#include "agent/base/result.h"

namespace haagent::bootstrap::encryption {

struct Rewritten {
  std::size_t secrets = 0;
  std::size_t refused = 0;    // by an admission webhook, say
  std::string first_refusal;  // "default/token: HTTP 403: ..."
};

// `url` is an apiserver's: "https://127.0.0.1:6443"; `tls` an administrator's. Secrets that changed
// or went meanwhile need nothing: who wrote them used the present key.
// Errors: the apiserver does not answer, or not as one does.
Result<Rewritten> rewrite_secrets(Http& http, std::string const& url, HttpTls const& tls,
                                  std::stop_token stop);

}  // namespace haagent::bootstrap::encryption
