#pragma once

#include <memory>
#include <string>

#include "agent/aws/call_counts.h"
#include "agent/aws/credentials.h"
#include "agent/aws/ec2.h"
#include "agent/base/clock.h"
#include "agent/base/http.h"

namespace haagent::aws {

struct Ec2Settings {
  std::string endpoint;  // "https://ec2.eu-west-1.amazonaws.com"
  std::string region;    // signed for
  std::string user_agent = "haagent";
  CallCounts* counts = nullptr;  // null: nobody asks
};

// The same, for the calls that such a client is made of (query_call.h).
struct QuerySettings;
QuerySettings query_settings(Ec2Settings settings);

// The EC2 Query API, version 2016-11-15. What it does about throttling, skewed clocks and
// credentials that have ended stands in query_call.h; everything else is the runner's to retry.
class Ec2Client final : public Ec2 {
 public:
  Ec2Client(Http& http, Clock& clock, CachedCredentials& credentials, Ec2Settings settings);
  ~Ec2Client() override;

  Result<std::vector<Volume>> describe_volumes(Describe const& which,
                                               std::stop_token stop) override;
  Result<std::vector<Instance>> describe_instances(Describe const& which,
                                                   std::stop_token stop) override;
  Result<Attachment> attach_volume(std::string const& volume_id, std::string const& instance_id,
                                   std::string const& device, std::stop_token stop) override;
  Result<void> detach_volume(std::string const& volume_id, std::string const& instance_id,
                             bool force, std::stop_token stop) override;
  Result<void> create_tags(std::string const& resource_id,
                           std::map<std::string, std::string> const& tags,
                           std::stop_token stop) override;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace haagent::aws
