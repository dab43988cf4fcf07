#pragma once

#include <memory>

#include "agent/base/http.h"

namespace haagent {

// Http on libcurl. Connections are kept and used again, one easy handle a thread at a time; safe to
// share between threads. Link-local addresses (169.254.0.0/16, fd00:ec2::/32, fe80::/10) and
// loopback never go through a proxy, whatever the environment says.
class CurlHttp final : public Http {
 public:
  CurlHttp();
  ~CurlHttp() override;
  Result<HttpResponse> send(HttpRequest const& request, std::stop_token stop) override;
  void close_idle(std::string_view url) override;

 private:
  struct Pool;
  std::unique_ptr<Pool> pool_;
};

}  // namespace haagent
