#pragma once

#include "agent/aws/ec2_client.h"
#include "tests/fuzz/answers.h"
#include "tests/support/fake_clock.h"

namespace haagent::fuzz {

// A client of EC2 that is answered by the input.
class Ec2Answering {
 public:
  explicit Ec2Answering(std::string_view input) : http_(input) {}
  aws::Ec2& client() { return ec2_; }

 private:
  struct Keys final : aws::CredentialSource {
    Result<aws::Credentials> credentials(std::stop_token) override {
      return aws::Credentials{"AKIDEXAMPLE", Secret("key"), Secret("token"), std::nullopt};
    }
  };
  Answers http_;
  test::FakeClock clock_;
  Keys keys_;
  aws::CachedCredentials credentials_{keys_, clock_};
  aws::Ec2Client ec2_{http_,
                      clock_,
                      credentials_,
                      {.endpoint = "https://ec2.eu-west-1.amazonaws.com", .region = "eu-west-1"}};
};

}  // namespace haagent::fuzz
