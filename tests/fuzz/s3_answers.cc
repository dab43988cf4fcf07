// Whole calls of the S3 store with what the input answers them, and one answer read as each of
// those that haagent asks for.
#include <memory>

#include "agent/aws/s3_client.h"
#include "agent/aws/s3_errors.h"
#include "agent/aws/s3_store.h"
#include "agent/aws/s3_xml.h"
#include "tests/fuzz/answers.h"
#include "tests/fuzz/hold.h"
#include "tests/fuzz/targets.h"
#include "tests/support/fake_clock.h"

namespace haagent::fuzz {
namespace {

struct Keys final : aws::CredentialSource {
  Result<aws::Credentials> credentials(std::stop_token) override {
    return aws::Credentials{"AKIDEXAMPLE", Secret("key"), Secret("token"), std::nullopt};
  }
};

template <class Call>
void ask(std::string_view bytes, Call call) {
  Answers http(bytes);
  test::FakeClock clock;
  Keys keys;
  aws::CachedCredentials credentials(keys, clock);
  aws::S3Store store(
      std::make_unique<aws::S3Client>(http, clock, credentials,
                                      aws::S3Settings{.bucket = "state", .region = "eu-west-1"}),
      "prod", clock);
  auto answer = call(store);
  if (answer) return;
  hold_error(answer.error(),
             {Kind::transient, Kind::conflict, Kind::denied, Kind::invalid, Kind::internal});
}

}  // namespace

void s3_answers(std::string_view bytes) {
  ask(bytes, [](StateStore& store) { return store.get("k", {}); });
  ask(bytes, [](StateStore& store) { return store.create("k", "x", {}); });
  ask(bytes, [](StateStore& store) { return store.replace("k", "x", "\"e\"", {}); });
  ask(bytes, [](StateStore& store) { return store.remove("k", {}); });
  ask(bytes, [](StateStore& store) {
    auto entries = store.list("", {});
    if (entries)
      for (auto const& each : *entries)
        hold(check_key(each.key).has_value(), "what is listed can be read");
    return entries;
  });

  auto readable = [](auto const& read) {
    if (!read) hold_error(read.error(), {Kind::transient, Kind::invalid});
    return read.has_value();
  };
  if (auto page = aws::read_list(bytes); readable(page))
    for (auto const& each : page->entries) hold(!each.key.empty(), "an object has a key");
  if (auto id = aws::read_upload_id(bytes); readable(id)) hold(!id->empty(), "an upload has an id");
  auto failure = aws::read_s3_failure(bytes);
  hold(!failure || !aws::read_completed(bytes), "an error is no completion");
  readable(aws::read_completed(bytes));
  if (!failure) return;
  for (int status : {200, 301, 400, 403, 503}) {
    auto error = aws::s3_error({"s3:PutObject", "s3:PutObject", "s3://b/k"}, failure->code,
                               failure->message, status);
    hold_error(error,
               {Kind::transient, Kind::conflict, Kind::denied, Kind::invalid, Kind::internal});
    hold(error.message.text.contains("s3:PutObject"), "an error of S3 names the call");
  }
}

}  // namespace haagent::fuzz
