#include "agent/base/http_curl.h"

#include <sys/stat.h>

#include <algorithm>
#include <functional>
#include <mutex>

#include "agent/base/libcurl.h"
#include "agent/base/proxy_bypass.h"
#include "agent/base/server_key.h"
#include "agent/base/system_trust.h"
#include "agent/base/url.h"
#include "agent/base/wait_accounting.h"

namespace haagent {
namespace {

using namespace std::chrono_literals;

// A master asks a dozen places again and again: its own members and apiserver, each peer's two
// members and agent, EC2, the store, metadata; some by two certificates.
constexpr std::size_t kIdleKept = 32;
// libcurl 7.88 keeps any number of header lines (CVE-2023-38039), and every interim answer brings
// more; S3's, the longest that are read here, have some hundreds of bytes.
constexpr std::size_t kMostOfHeaders = 64u << 10u;
constexpr Duration kIdleAge = 60s;  // a load balancer drops idle connections at 60 s or later

struct EasyDeleter {
  void operator()(CURL* easy) const { curl().easy_cleanup(easy); }
};
struct MultiDeleter {
  void operator()(CURLM* multi) const { curl().multi_cleanup(multi); }
};
struct ListDeleter {
  void operator()(curl_slist* list) const { curl().slist_free_all(list); }
};
using Easy = std::unique_ptr<CURL, EasyDeleter>;
using Multi = std::unique_ptr<CURLM, MultiDeleter>;
using List = std::unique_ptr<curl_slist, ListDeleter>;

struct Target {
  Url url;
  std::string name;  // what errors say: method, host and path; a query may hold a signature
};

Result<Target> parse(HttpRequest const& request) {
  auto url = split_url(request.url);
  if (!url) {
    // The text of the URL stays out: where it does not parse, nobody knows what it holds.
    return fail(Kind::invalid, "{} of a URL that is not of the form http(s)://host/path: {}",
                request.method, to_string(url.error()));
  }
  auto name = fmt::format("{} {}{}", request.method, url->origin(), url->path);
  return Target{*std::move(url), std::move(name)};
}

// A connection is used again only by requests that would make it the same way. A certificate that
// was replaced under its name makes a new one.
std::string connection_key(Target const& target, HttpTls const& tls) {
  auto key = fmt::format("{} {}", target.url.origin(), target.url.zone);
  for (auto const* file : {&tls.ca_file, &tls.cert_file, &tls.key_file}) {
    struct stat status{};
    if (!file->empty()) ::stat(file->c_str(), &status);
    key += fmt::format("\n{} {} {}.{}", *file, status.st_ino, status.st_mtim.tv_sec,
                       status.st_mtim.tv_nsec);
  }
  if (!tls.server_key.empty()) key += "\nby its key";
  return key;
}

// A line break in a header would start another one.
bool fits_a_header(std::string_view text) {
  return std::ranges::none_of(text, [](char c) { return c == '\r' || c == '\n' || c == '\0'; });
}

std::string lower(std::string_view text) {
  std::string result(text);
  for (char& c : result) {
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  }
  return result;
}

std::string_view trim(std::string_view text) {
  constexpr std::string_view kSpace = " \t\r\n";
  auto begin = text.find_first_not_of(kSpace);
  if (begin == std::string_view::npos) return {};
  return text.substr(begin, text.find_last_not_of(kSpace) - begin + 1);
}

struct Receiver {
  HttpResponse response;
  std::size_t max_body;
  CURL* easy = nullptr;
  std::function<bool(std::string_view)> const& on_piece;
  bool too_long = false;
  bool ended = false;       // by on_piece
  std::size_t headers = 0;  // bytes, those of interim answers and trailers too
};

std::size_t on_body(char* data, std::size_t, std::size_t count, void* user) {
  auto& receiver = *static_cast<Receiver*>(user);
  long status = 0;
  if (receiver.on_piece) curl().easy_getinfo(receiver.easy, CURLINFO_RESPONSE_CODE, &status);
  if (status == 200) {
    receiver.ended = !receiver.on_piece({data, count});
    return receiver.ended ? 0 : count;
  }
  if (count > receiver.max_body - receiver.response.body.size()) {
    receiver.too_long = true;
    return 0;  // ends the transfer
  }
  receiver.response.body.append(data, count);
  return count;
}

std::size_t on_header(char* data, std::size_t, std::size_t count, void* user) {
  auto& receiver = *static_cast<Receiver*>(user);
  receiver.headers += count;
  if (receiver.headers > kMostOfHeaders) return 0;  // ends the transfer
  auto& headers = receiver.response.headers;
  std::string_view line(data, count);
  if (line.starts_with("HTTP/")) {
    headers.clear();  // those before were of a 100 Continue
  } else if (auto colon = line.find(':'); colon != std::string_view::npos) {
    headers.emplace_back(lower(line.substr(0, colon)), trim(line.substr(colon + 1)));
  }
  return count;
}

Result<List> header_list(HttpRequest const& request, Target const& target) {
  List list;
  auto add = [&](std::string const& line) {
    // append gives the same head back once there is one.
    auto* head = curl().slist_append(list.get(), line.c_str());
    (void)list.release();
    list.reset(head);
  };
  bool typed = false;
  for (auto const& [name, value] : request.headers) {
    if (!fits_a_header(name) || !fits_a_header(value) || name.empty()) {
      return fail(Kind::invalid, "{}: the header '{}' holds a line break or has no name",
                  target.name, fits_a_header(name) ? name : "?");
    }
    typed = typed || lower(name) == "content-type";
    add(value.empty() ? name + ";" : fmt::format("{}: {}", name, value));
  }
  // What libcurl would add by itself: a type for a form that this is not, and a question whether to
  // send the body, which not every server answers.
  if (!typed) add("Content-Type:");
  add("Expect:");
  return list;
}

void set_method(CURL* easy, HttpRequest const& request) {
  bool sends = !request.body.empty() || request.method == "POST" || request.method == "PUT" ||
               request.method == "PATCH";
  if (sends) {
    curl().easy_setopt(easy, CURLOPT_POSTFIELDSIZE_LARGE,
                       static_cast<curl_off_t>(request.body.size()));
    curl().easy_setopt(easy, CURLOPT_POSTFIELDS, request.body.data());
  } else if (request.method == "HEAD") {
    curl().easy_setopt(easy, CURLOPT_NOBODY, 1L);
    return;
  }
  curl().easy_setopt(easy, CURLOPT_CUSTOMREQUEST, request.method.c_str());
}

// Neither a file nor a folder of authorities.
void read_no_authorities(CURL* easy) {
  curl().easy_setopt(easy, CURLOPT_CAINFO, nullptr);
  curl().easy_setopt(easy, CURLOPT_CAPATH, nullptr);
}

void set_tls(CURL* easy, HttpTls const& tls) {
  curl().easy_setopt(easy, CURLOPT_SSLVERSION, static_cast<long>(CURL_SSLVERSION_TLSv1_2));
  if (!tls.ca_file.empty()) {
    curl().easy_setopt(easy, CURLOPT_CAINFO, tls.ca_file.c_str());
    curl().easy_setopt(easy, CURLOPT_CAPATH, nullptr);  // this one and no other
    // libcurl would believe for a day what it has read, also when the file is another by then.
    curl().easy_setopt(easy, CURLOPT_CA_CACHE_TIMEOUT, 0L);
  }
  if (!tls.server_key.empty()) {
    curl().easy_setopt(easy, CURLOPT_SSL_VERIFYHOST, 0L);
    // No authority has a say.
    read_no_authorities(easy);
  }
  if (!tls.cert_file.empty()) curl().easy_setopt(easy, CURLOPT_SSLCERT, tls.cert_file.c_str());
  if (!tls.key_file.empty()) curl().easy_setopt(easy, CURLOPT_SSLKEY, tls.key_file.c_str());
}

long milliseconds(Duration duration) {
  return std::max<long>(1, duration.count());  // 0 is "for ever" to libcurl
}

// The other side's answer to our certificate comes as an alert, in TLS 1.3 only when we read.
bool refuses_our_certificate(std::string_view text) {
  return text.contains("alert") && (text.contains("certificate") || text.contains("unknown ca") ||
                                    text.contains("access denied"));
}

// libcurl's own text says more than the code does, but may quote the proxy's URL and its password.
std::string_view words_of(CURLcode code, std::string_view text) {
  if (text.contains("Unsupported proxy"))
    return "the proxy of the environment is no http(s):// URL";
  return text.empty() || text.contains("://") ? curl().easy_strerror(code) : text;
}

Kind kind_of(CURLcode code, std::string_view text) {
  switch (code) {
    case CURLE_PEER_FAILED_VERIFICATION:
    case CURLE_SSL_ISSUER_ERROR:
    case CURLE_SSL_INVALIDCERTSTATUS:
      return Kind::denied;
    case CURLE_SSL_CONNECT_ERROR:
    case CURLE_SEND_ERROR:
    case CURLE_RECV_ERROR:
      return refuses_our_certificate(text) ? Kind::denied : Kind::transient;
    case CURLE_COULDNT_RESOLVE_HOST:
    case CURLE_COULDNT_RESOLVE_PROXY:
    case CURLE_COULDNT_CONNECT:
    case CURLE_OPERATION_TIMEDOUT:
    case CURLE_GOT_NOTHING:
    case CURLE_PARTIAL_FILE:
    case CURLE_PROXY:
    case CURLE_OUT_OF_MEMORY:
      return Kind::transient;
    case CURLE_URL_MALFORMAT:
    case CURLE_UNSUPPORTED_PROTOCOL:
    case CURLE_WEIRD_SERVER_REPLY:
    case CURLE_SSL_CERTPROBLEM:
    case CURLE_SSL_CACERT_BADFILE:
      return Kind::invalid;
    default:
      return Kind::internal;
  }
}

CURLcode check_key_of(CURL*, void* context, void* user) {
  check_server_key(context, *static_cast<ServerKeyCheck*>(user));
  return CURLE_OK;
}

CURLcode trust_the_systems(CURL*, void* context, void* user) {
  use_trust(context, *static_cast<std::shared_ptr<void>*>(user));
  return CURLE_OK;
}

void on_ssl_context(CURL* easy, CURLcode (*function)(CURL*, void*, void*), void* user) {
  curl().easy_setopt(easy, CURLOPT_SSL_CTX_FUNCTION, function);
  curl().easy_setopt(easy, CURLOPT_SSL_CTX_DATA, user);
}

// Where libcurl would read those of the system, which it does for each connection. Null where it is
// to say what is wrong with them.
std::shared_ptr<void> trust_of_system(CURL* easy, SystemTrust& trust) {
  char* file = nullptr;
  curl().easy_getinfo(easy, CURLINFO_CAINFO, &file);
  auto store = file ? trust.of(file) : nullptr;
  if (store) read_no_authorities(easy);
  return store;
}

// Runs the transfer to its end; nothing where stop came first.
std::optional<CURLcode> perform(CURLM* multi, CURL* easy, std::stop_token const& stop) {
  std::stop_callback wake(stop, [multi] { curl().multi_wakeup(multi); });
  for (int running = 1;;) {
    if (stop.stop_requested()) return std::nullopt;
    if (curl().multi_perform(multi, &running) != CURLM_OK) return CURLE_FAILED_INIT;
    if (running == 0) break;
    if (curl().multi_poll(multi, nullptr, 0, 60'000, nullptr) != CURLM_OK) return CURLE_FAILED_INIT;
  }
  int left = 0;
  while (auto* message = curl().multi_info_read(multi, &left)) {
    if (message->msg == CURLMSG_DONE && message->easy_handle == easy) return message->data.result;
  }
  return CURLE_FAILED_INIT;
}

}  // namespace

// Each multi handle holds one connection, and is one sender's while it is out of the pool.
struct CurlHttp::Pool {
  struct Connection {
    // Goes after the multi handle, whose connection refers to it.
    std::unique_ptr<ServerKeyCheck> server = std::make_unique<ServerKeyCheck>();
    Multi multi;
  };
  struct Idle {
    std::string key;
    Connection connection;
    SteadyTime since;
  };
  std::mutex mutex;
  std::vector<Idle> idle;  // the longest idle first
  SystemTrust trust;

  // `server_key`: whoever has another is not taken.
  Connection take(std::string const& key, std::string const& server_key) {
    std::vector<Idle> old;  // closed after the lock is gone
    std::lock_guard lock(mutex);
    auto fresh = std::ranges::find_if(idle, [age = std::chrono::steady_clock::now() - kIdleAge](
                                                auto const& each) { return each.since > age; });
    std::move(idle.begin(), fresh, std::back_inserter(old));
    idle.erase(idle.begin(), fresh);
    auto found = std::ranges::find_if(idle, [&](Idle const& each) {
      return each.key == key && (server_key.empty() || server_key == kAnyServerKey ||
                                 server_key == each.connection.server->seen);
    });
    if (found == idle.end()) {
      Connection connection{.multi = Multi(curl().multi_init())};
      curl().multi_setopt(connection.multi.get(), CURLMOPT_MAXCONNECTS, 1L);
      return connection;
    }
    auto connection = std::move(found->connection);
    idle.erase(found);
    return connection;
  }

  void give_back(std::string key, Connection connection) {
    Idle oldest;
    std::lock_guard lock(mutex);
    if (idle.size() >= kIdleKept) {
      oldest = std::move(idle.front());
      idle.erase(idle.begin());
    }
    idle.push_back({std::move(key), std::move(connection), std::chrono::steady_clock::now()});
  }
};

CurlHttp::CurlHttp() : pool_(std::make_unique<Pool>()) {}

CurlHttp::~CurlHttp() = default;

void CurlHttp::close_idle(std::string_view url) {
  auto const split = split_url(url);
  if (!split) return;
  auto const origin = split->origin() + " ";
  std::vector<Pool::Idle> old;  // closed after the lock is gone
  std::lock_guard lock(pool_->mutex);
  for (auto& each : pool_->idle)
    if (each.key.starts_with(origin)) old.push_back(std::move(each));
  std::erase_if(pool_->idle, [](Pool::Idle const& each) { return each.key.empty(); });
}

Result<HttpResponse> CurlHttp::send(HttpRequest const& request, std::stop_token stop) {
  AccountedWait wait(WaitFor::request);
  auto target = TRY(parse(request));
  auto headers = TRY(header_list(request, target));

  char text[CURL_ERROR_SIZE] = "";
  Easy owned(curl().easy_init());
  auto* easy = owned.get();
  Receiver receiver{
      .response = {}, .max_body = request.max_body, .easy = easy, .on_piece = request.on_piece};
  curl().easy_setopt(easy, CURLOPT_URL, request.url.c_str());
  curl().easy_setopt(easy, CURLOPT_PATH_AS_IS, 1L);  // a signature covers the path as it stands
  curl().easy_setopt(easy, CURLOPT_PROTOCOLS_STR, "http,https");
  curl().easy_setopt(easy, CURLOPT_HTTP_VERSION, static_cast<long>(CURL_HTTP_VERSION_1_1));
  curl().easy_setopt(easy, CURLOPT_FOLLOWLOCATION, 0L);
  curl().easy_setopt(easy, CURLOPT_NOSIGNAL, 1L);
  curl().easy_setopt(easy, CURLOPT_QUICK_EXIT, 1L);  // a stop does not wait for the resolver
  curl().easy_setopt(easy, CURLOPT_USERAGENT, "haagent");
  curl().easy_setopt(easy, CURLOPT_CONNECTTIMEOUT_MS, milliseconds(request.connect_timeout));
  curl().easy_setopt(easy, CURLOPT_TIMEOUT_MS, milliseconds(request.timeout));
  curl().easy_setopt(easy, CURLOPT_ERRORBUFFER, text);
  curl().easy_setopt(easy, CURLOPT_HTTPHEADER, headers.get());
  curl().easy_setopt(easy, CURLOPT_WRITEFUNCTION, on_body);
  curl().easy_setopt(easy, CURLOPT_WRITEDATA, &receiver);
  curl().easy_setopt(easy, CURLOPT_HEADERFUNCTION, on_header);
  curl().easy_setopt(easy, CURLOPT_HEADERDATA, &receiver);
  // A proxy's answer to CONNECT is not the server's.
  curl().easy_setopt(easy, CURLOPT_SUPPRESS_CONNECT_HEADERS, 1L);
  if (request.direct || bypasses_proxy(target.url.host)) {
    curl().easy_setopt(easy, CURLOPT_PROXY, "");
  }
  set_method(easy, request);
  set_tls(easy, request.tls);

  auto key = connection_key(target, request.tls);
  auto connection = pool_->take(key, request.tls.server_key);
  auto* multi = connection.multi.get();
  std::shared_ptr<void> trust;
  if (!request.tls.server_key.empty()) {
    connection.server->wanted = request.tls.server_key;
    on_ssl_context(easy, check_key_of, connection.server.get());
  } else if (request.tls.ca_file.empty() && target.url.scheme == "https") {
    trust = trust_of_system(easy, pool_->trust);
    if (trust) on_ssl_context(easy, trust_the_systems, &trust);
  }
  curl().multi_add_handle(multi, easy);
  auto code = perform(multi, easy, stop);
  long status = 0;
  long os_error = 0;
  curl().easy_getinfo(easy, CURLINFO_RESPONSE_CODE, &status);
  curl().easy_getinfo(easy, CURLINFO_OS_ERRNO, &os_error);
  curl().multi_remove_handle(multi, easy);
  owned.reset();
  if (code == CURLE_OK) {
    if (!request.tls.server_key.empty()) receiver.response.server_key = connection.server->seen;
    pool_->give_back(std::move(key), std::move(connection));
    receiver.response.status = static_cast<int>(status);
    return std::move(receiver.response);
  }
  if (!code || receiver.ended) return fail(Kind::interrupted, "{}: stopped", target.name);
  if (receiver.too_long) {
    return fail(Kind::invalid, "{}: the answer is longer than the {} bytes that are allowed",
                target.name, request.max_body);
  }
  if (receiver.headers > kMostOfHeaders) {
    return fail(Kind::invalid, "{}: the answer's headers are longer than the {} bytes allowed",
                target.name, kMostOfHeaders);
  }
  Error error(kind_of(*code, text),
              fmt::format("{}: {}", target.name, words_of(*code, trim(text))));
  error.message.subject = target.name;
  if (*code == CURLE_OPERATION_TIMEDOUT) error.code = std::make_error_code(std::errc::timed_out);
  if (*code == CURLE_COULDNT_CONNECT && os_error != 0) {
    // "refused" and "no route" are different nights for an operator.
    error.code = std::error_code(static_cast<int>(os_error), std::generic_category());
    error.message.text += worded(fmt::format(" ({})", error.code.message()));
  }
  return std::unexpected(std::move(error));
}

}  // namespace haagent
