// Instance metadata, version 2 only. A missing item (404) is nothing, not an error.
#pragma once

#include <memory>
#include <mutex>
#include <optional>
#include <stop_token>
#include <string>
#include <vector>

#include "agent/aws/credentials.h"
#include "agent/base/clock.h"
#include "agent/base/facts.h"
#include "agent/base/http.h"
#include "agent/base/result.h"

namespace haagent::aws {

// What EC2 and Auto Scaling have in mind for this instance. Each is best effort; nothing where none
// has been said. A spot interruption comes about two minutes ahead.
struct Notices {
  std::string target_state;  // of its group: "InService", "Terminated", "Warmed:Stopped"; or empty
  struct Interruption {
    std::string action;  // "terminate", "stop", "hibernate"
    std::string time;    // RFC 3339
    bool operator==(Interruption const&) const = default;
  };
  std::optional<Interruption> spot;
  std::optional<std::string> rebalance;  // RFC 3339: since when it has been recommended
  bool operator==(Notices const&) const = default;
};

class Imds final : public CredentialSource {
 public:
  // endpoints: "http://169.254.169.254", "http://[fd00:ec2::254]"; the first call tries them side
  // by side and the one that answers first is kept.
  Imds(Http& http, Clock& clock, std::vector<std::string> endpoints);
  ~Imds() override;

  // GET /latest/<path> with a session token that is cached, renewed before it ends and once on a
  // 401. 404: nothing. 403: denied, and says that IMDS is off or v1 was asked for. A token request
  // that times out explains the hop limit.
  Result<std::optional<std::string>> get(std::string const& path, std::stop_token stop);

  // All that Identity holds. Region from the zone where placement/region is missing.
  Result<Identity> identity(std::stop_token stop);
  Result<std::optional<std::string>> user_data(std::stop_token stop);
  // Asked every 2 s; the documentation of all three says 5 s at most. Not cached.
  Result<Notices> notices(std::stop_token stop);
  // The group's name as the tag aws:autoscaling:groupName has it; empty where instance tags are not
  // in metadata.
  Result<std::string> group(std::stop_token stop);
  // Role credentials. The role name is asked for again each time; a 200 whose Code is not Success
  // is denied with its message.
  Result<Credentials> credentials(std::stop_token stop) override;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

// "us-west-2" of "us-west-2a" and of the local zone "us-west-2-lax-1a": up to the first number.
// Empty where the zone has none.
std::string region_of_zone(std::string_view zone);

}  // namespace haagent::aws
