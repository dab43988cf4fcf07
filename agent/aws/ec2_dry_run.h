// EC2's calls that change something, asked with DryRun: EC2 says whether they would be allowed, and
// does nothing. It looks at the caller's permissions alone, not at the state of what is named; but
// the resources must be real ones, since policies speak of their tags.
#pragma once

#include <map>
#include <stop_token>
#include <string>

#include "agent/aws/ec2_client.h"
#include "agent/aws/query_call.h"

namespace haagent::aws {

class Ec2DryRun {
 public:
  Ec2DryRun(Http& http, Clock& clock, CachedCredentials& credentials, Ec2Settings settings);

  // No error: it would be allowed. Denied: it would not, and the sentence names the permission. Any
  // other error says nothing about it.
  Result<void> attach_volume(std::string const& volume_id, std::string const& instance_id,
                             std::string const& device, std::stop_token stop);
  Result<void> detach_volume(std::string const& volume_id, std::string const& instance_id,
                             std::stop_token stop);
  Result<void> create_tags(std::string const& resource_id,
                           std::map<std::string, std::string> const& tags, std::stop_token stop);

 private:
  Result<void> ask(std::string_view action, std::string body, std::stop_token const& stop);

  QueryCalls calls_;
};

}  // namespace haagent::aws
