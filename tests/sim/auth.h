// Who calls: the keys that were given out, and the check of a request's signature against them.
#pragma once

#include <map>
#include <mutex>
#include <string>
#include <vector>

#include "agent/aws/credentials.h"
#include "tests/sim/errors.h"
#include "tests/sim/region.h"
#include "tests/sim/wire.h"

namespace haagent::sim {

struct Caller {
  std::string name;  // an instance id, or "operator"
  bool is_operator = false;
  std::string role;     // "haagent-master"; empty: an operator's
  std::string arn;      // "arn:aws:sts::123456789012:assumed-role/haagent-master/i-0ab.."
  std::string user_id;  // "AROA..:i-0ab.."
  std::optional<UtcTime> expires{};  // of a session
};

std::string role_of(Instance const& instance);  // "haagent-master"
// What policies know the caller by: of a session, its role: "arn:aws:iam::1:role/haagent-master".
std::string principal_of(Caller const& caller);

// Keys of operators, and the temporary ones that IMDS gives out. Thread-safe.
class KeyRing {
 public:
  explicit KeyRing(Region& region);

  // The instance's present credentials; new ones where none are left or the last quarter of their
  // life, at most the last five minutes, has begun. The old ones stay good until they expire.
  aws::Credentials credentials_of(Instance const& instance);
  struct Key {
    aws::Credentials credentials;
    Caller caller;
  };
  std::optional<Key> find(std::string const& access_key_id) const;

 private:
  Region& region_;
  mutable std::mutex mutex_;
  std::map<std::string, Key> keys_;             // by access key id
  std::map<std::string, std::string> present_;  // instance id to access key id
};

// "ec2", "autoscaling", "sts": as the request's signature or, without one, its host says.
std::string service_of(Request const& request);

// EC2 and S3 have their own codes for what the other services say, and S3 its own patience with
// clocks. The service is the one that answers.
Api<Caller> authenticate(Request const& request, KeyRing const& keys, std::string const& region,
                         UtcTime now, std::string_view service);

}  // namespace haagent::sim
