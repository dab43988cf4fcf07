#include "tests/fuzz/targets.h"

namespace haagent::fuzz {
namespace {

constexpr Target kTargets[] = {
    {"addon_texts", addon_texts},
    {"backup_manifest", backup_manifest},
    {"boot_record", boot_record},
    {"bundle_archive", bundle_archive},
    {"certificate_request", certificate_request},
    {"cluster_status", cluster_status},
    {"ebs_page", ebs_page},
    {"ec2_answers", ec2_answers},
    {"ec2_calls", ec2_calls},
    {"etcd_answers", etcd_answers},
    {"etcd_config_file", etcd_config_file},
    {"etcd_log", etcd_log},
    {"etcd_metrics", etcd_metrics},
    {"etcd_order", etcd_order},
    {"etcd_tag", etcd_tag},
    {"foreign_snapshot", foreign_snapshot},
    {"gzip_stream", gzip_stream},
    {"hello", hello},
    {"hosts_file", hosts_file},
    {"iam_policy", iam_policy},
    {"identity_document", identity_document},
    {"instance_metadata", instance_metadata},
    {"join_answers", join_answers},
    {"join_messages", join_messages},
    {"join_requests", join_requests},
    {"json_text", json_text},
    {"machine_end", machine_end},
    {"machine_texts", machine_texts},
    {"mountinfo", mountinfo},
    {"node_config", node_config},
    {"node_record", node_record},
    {"own_records", own_records},
    {"pki_documents", pki_documents},
    {"request", request},
    {"s3_answers", s3_answers},
    {"signed_call", signed_call},
    {"signed_request", signed_request},
    {"sim_control", sim_control},
    {"sim_ec2", sim_ec2},
    {"sim_s3", sim_s3},
    {"sim_spec", sim_spec},
    {"single_values", single_values},
    {"status_report", status_report},
    {"sts_answers", sts_answers},
    {"support_bundle", support_bundle},
    {"user_data", user_data},
    {"version_skew", version_skew},
    {"volume_choice", volume_choice},
    {"volume_marker", volume_marker},
    {"web_keys", web_keys},
    {"web_token", web_token},
    {"yaml_text", yaml_text},
};

}  // namespace

std::span<Target const> targets() {
  return kTargets;
}

}  // namespace haagent::fuzz
