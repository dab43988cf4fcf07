#include "bootstrap/health/goroutine_dump.h"

#include <algorithm>
#include <filesystem>
#include <vector>

#include "bootstrap/layout/paths.h"

namespace haagent::bootstrap::health {
namespace {

namespace fs = std::filesystem;

constexpr Duration kDumpPatience{10'000};
constexpr std::size_t kDump = 8u << 20u;

// With each goroutine's own stack, and where those are too many, each stack once.
constexpr char const* kForms[] = {"debug=2", "debug=1"};

Result<HttpResponse> ask_for_dump(Http& http, Root const& root, std::string const& server,
                                  std::stop_token const& stop) {
  auto const certificate = fmt::format("{}/apiserver-kubelet-client", kube::kPki);
  std::error_code error;
  if (!fs::exists(root(certificate + ".crt"), error))
    return fail(Kind::denied, "no certificate here that the kubelet shows its goroutines to");
  HttpRequest request{.headers = {},
                      .body = {},
                      .timeout = kDumpPatience,
                      .max_body = kDump,
                      .tls = {.ca_file = root(kube::kCa),
                              .cert_file = root(certificate + ".crt"),
                              .key_file = root(certificate + ".key")},
                      .direct = true};
  Result<HttpResponse> response = fail(Kind::internal, "not asked");
  for (auto const* form : kForms) {
    request.url = fmt::format("{}/debug/pprof/goroutine?{}", server, form);
    response = http.send(request, stop);
    if (response || response.error().kind != Kind::invalid) break;
  }
  return response;
}

// Their names are dates, so that they stand in the order of time.
Result<void> keep_the_newest(fs::path const& folder) {
  std::vector<fs::path> files;
  std::error_code error;
  for (auto file = fs::directory_iterator(folder, error);
       !error && file != fs::directory_iterator(); file.increment(error))
    files.push_back(file->path());
  std::ranges::sort(files);
  for (std::size_t i = 0; i + kGoroutineDumps < files.size() && !error; ++i)
    fs::remove(files[i], error);
  if (error) return fail_errno(error.value(), "removing old goroutine dumps");
  return {};
}

}  // namespace

Result<std::string> take_goroutine_dump(Http& http, Root const& root, std::string const& server,
                                        UtcTime now, std::stop_token stop) {
  auto const response = TRY(ask_for_dump(http, root, server, stop));
  if (response.status != 200)
    return fail(Kind::denied, "the kubelet answers {} at /debug/pprof", response.status);
  TRY(make_directories(root(kGoroutines), 0700));
  auto file = fmt::format("{}/{}.txt", kGoroutines, to_rfc3339(now));
  TRY(replace_file(root(file), response.body, {.mode = 0600}));
  TRY(keep_the_newest(root(kGoroutines)));
  return file;
}

}  // namespace haagent::bootstrap::health
