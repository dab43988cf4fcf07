// Every parser of outside bytes has a target: a function that takes any input and throws Broken
// where an invariant does not hold. One file a target, of the same name; its seeds and whatever has
// broken it once stand in corpus/<name>/.
#pragma once

#include <span>
#include <string_view>

namespace haagent::fuzz {

void addon_texts(std::string_view bytes);
void backup_manifest(std::string_view bytes);
void boot_record(std::string_view bytes);
void bundle_archive(std::string_view bytes);
void certificate_request(std::string_view bytes);
void cluster_status(std::string_view bytes);
void ebs_page(std::string_view bytes);
void ec2_answers(std::string_view bytes);
void ec2_calls(std::string_view bytes);
void etcd_answers(std::string_view bytes);
void etcd_config_file(std::string_view bytes);
void etcd_log(std::string_view bytes);
void etcd_metrics(std::string_view bytes);
void etcd_order(std::string_view bytes);
void etcd_tag(std::string_view bytes);
void foreign_snapshot(std::string_view bytes);
void gzip_stream(std::string_view bytes);
void hello(std::string_view bytes);
void hosts_file(std::string_view bytes);
void iam_policy(std::string_view bytes);
void identity_document(std::string_view bytes);
void instance_metadata(std::string_view bytes);
void join_answers(std::string_view bytes);
void join_messages(std::string_view bytes);
void join_requests(std::string_view bytes);
void json_text(std::string_view bytes);
void machine_end(std::string_view bytes);
void machine_texts(std::string_view bytes);
void mountinfo(std::string_view bytes);
void node_config(std::string_view bytes);
void node_record(std::string_view bytes);
void own_records(std::string_view bytes);
void pki_documents(std::string_view bytes);
void request(std::string_view bytes);
void s3_answers(std::string_view bytes);
void signed_call(std::string_view bytes);
void signed_request(std::string_view bytes);
void sim_control(std::string_view bytes);
void sim_ec2(std::string_view bytes);
void sim_s3(std::string_view bytes);
void sim_spec(std::string_view bytes);
void single_values(std::string_view bytes);
void status_report(std::string_view bytes);
void sts_answers(std::string_view bytes);
void support_bundle(std::string_view bytes);
void user_data(std::string_view bytes);
void version_skew(std::string_view bytes);
void volume_choice(std::string_view bytes);
void volume_marker(std::string_view bytes);
void web_keys(std::string_view bytes);
void web_token(std::string_view bytes);
void yaml_text(std::string_view bytes);

struct Target {
  std::string_view name;
  void (*run)(std::string_view bytes);
};
std::span<Target const> targets();

}  // namespace haagent::fuzz
