// Every action of AWS that haagent uses: who, what for, and how one can find out whether the role
// may without changing anything. What a role is given, and what `haagent preflight` asks for, both
// go by this table; a test holds it against the clients.
#pragma once

#include <string_view>

namespace haagent::aws {

// How it is found out.
enum class Proof {
  called,     // it only reads, so it is called
  dry_run,    // EC2's DryRun
  no_effect,  // called on a condition that never holds, or on what is not there
  none,       // there is no way that changes nothing
};

struct Permission {
  std::string_view action;  // as a policy names it
  bool master = false;
  bool worker = false;
  Proof proof = Proof::called;
  std::string_view only;  // where it is needed at all; empty: always
  std::string_view why;   // "to ..."
};

inline constexpr std::string_view kWithBucket = "cluster.state is a bucket";
inline constexpr std::string_view kWithKey = "aws.s3.kmsKeyId is set";
inline constexpr std::string_view kWithHooks = "its auto-scaling group has lifecycle hooks";
// A worker learns that from a master's offer, and joins by a signed call where it gets no token: a
// preflight, which has no offer, does not ask for these.
inline constexpr std::string_view kWithTokens = "masters take tokens, by cluster.tokenIssuer";
inline constexpr std::string_view kWithCloudWatch = "metrics.cloudWatch.mode is put";

inline constexpr Permission kPermissions[] = {
    {"ec2:DescribeVolumes", true, false, Proof::called, "", "to find the etcd volumes"},
    {"ec2:DescribeInstances", true, false, Proof::called, "",
     "to find the other masters, and who holds a volume"},
    {"ec2:AttachVolume", true, false, Proof::dry_run, "", "to take its zone's etcd volumes"},
    {"ec2:DetachVolume", true, false, Proof::dry_run, "", "to give them up for its successor"},
    {"ec2:CreateTags", true, false, Proof::dry_run, "",
     "to mark a volume as formatted, and as a member's"},
    {"s3:ListBucket", true, false, Proof::called, kWithBucket,
     "to find backups, and to tell what is missing from what is denied"},
    {"s3:GetObject", true, false, Proof::called, kWithBucket,
     "to read the cluster's authorities and backups"},
    {"s3:PutObject", true, false, Proof::no_effect, kWithBucket,
     "to keep the cluster's authorities and backups"},
    {"s3:AbortMultipartUpload", true, false, Proof::no_effect, kWithBucket,
     "to clean up after a backup that was cut short"},
    {"s3:DeleteObject", true, false, Proof::none, kWithBucket,
     "to remove backups that are older than etcd.backups.keepFor"},
    {"kms:GenerateDataKey", true, false, Proof::none, kWithKey, "to write to the bucket"},
    {"kms:Decrypt", true, false, Proof::none, kWithKey, "to read from the bucket"},
    {"autoscaling:DescribeAutoScalingInstances", true, true, Proof::called, kWithHooks,
     "to find its group, and whether a hook holds it"},
    {"autoscaling:DescribeLifecycleHooks", true, true, Proof::called, kWithHooks,
     "to know how long a hook waits"},
    {"autoscaling:CompleteLifecycleAction", true, true, Proof::none, kWithHooks,
     "to let the hook go on"},
    {"autoscaling:RecordLifecycleActionHeartbeat", true, true, Proof::none, kWithHooks,
     "to keep the hook waiting while it boots or hands over"},
    {"cloudwatch:PutMetricData", true, true, Proof::none, kWithCloudWatch,
     "to put this node's metrics into the namespace of metrics.cloudWatch"},
    {"sts:GetWebIdentityToken", false, true, Proof::called, kWithTokens,
     "to join by a token in the place of a signed call"},
    {"sts:TagGetWebIdentityToken", false, true, Proof::called, kWithTokens,
     "to tie that token to one request"},
};

}  // namespace haagent::aws
