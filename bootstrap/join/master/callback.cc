#include "bootstrap/join/master/callback.h"

#include "agent/base/base64.h"
#include "agent/base/url.h"
#include "bootstrap/join/exchange/messages.h"
#include "bootstrap/pki/keys.h"

namespace haagent::bootstrap::join {
namespace {

constexpr Duration kConnects{2'000};
constexpr Duration kAnswers{4'000};
constexpr std::size_t kCallbackCap = 1024;

}  // namespace

Result<void> call_back(Http& http, aws::Instance const& instance, int port,
                       pki::CertificateRequest const& client, std::string_view nonce,
                       std::stop_token stop) {
  auto const& address = instance.ipv4.empty() ? instance.ipv6 : instance.ipv4;
  auto response = http.send(
      {.url = fmt::format("https://{}:{}{}", url_host(address), port, kCallbackPath),
       .headers = {},
       .body = {},
       .connect_timeout = kConnects,
       .timeout = kAnswers,
       .max_body = kCallbackCap,
       .tls = {.ca_file = {}, .cert_file = {}, .key_file = {}, .server_key = client.key_hash},
       .direct = true},
      std::move(stop));
  if (!response && response.error().kind == Kind::interrupted)
    return std::unexpected(response.error());
  if (!response && response.error().kind == Kind::denied)
    return fail(Kind::denied, Reason::CallbackKeyDiffers,
                "the server at {} has another key than the machine that asks to join as {}",
                address, instance.id);
  auto unanswered = [&](std::string_view why) {
    return fail(Kind::transient, Reason::CallbackNotAnswered, "{} does not answer at {}:{}: {}",
                instance.id, address, port, why);
  };
  if (!response) return unanswered(response.error().message.text);
  if (response->status != 200) return unanswered(fmt::format("status {}", response->status));
  auto const callback = read_callback(response->body);
  if (!callback) return unanswered(callback.error().message.text);
  auto const signature = from_base64(callback->signature);
  if (!signature || !pki::is_signed(client.public_key, callback_text(nonce), *signature))
    return fail(Kind::denied, Reason::CallbackKeyDiffers,
                "{} answers, and knows nothing of this request", instance.id);
  return {};
}

}  // namespace haagent::bootstrap::join
