// The bytes of the EC2 Query API, both ways; pure. Answers are read by local name, in any order,
// and what is unknown is passed over, as the API's own text asks for.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "agent/aws/ec2.h"
#include "agent/base/result.h"

namespace haagent::aws {

// Request bodies.
std::string describe_body(std::string_view action, Describe const& which,
                          std::string const& next_token);
std::string attach_volume_body(std::string const& volume_id, std::string const& instance_id,
                               std::string const& device);
std::string detach_volume_body(std::string const& volume_id, std::string const& instance_id,
                               bool force);
std::string create_tags_body(std::string const& resource_id,
                             std::map<std::string, std::string> const& tags);

// Answers. What is no XML, or not the answer to this action, is transient: a proxy's page, or one
// cut short. An item without its id is invalid.
template <class Item>
struct Page {
  std::vector<Item> items;
  std::string next_token;  // empty: the last page. A page may be empty and yet not the last
};
Result<Page<Volume>> read_volumes(std::string_view xml);
Result<Page<Instance>> read_instances(std::string_view xml);
Result<Attachment> read_attachment(std::string_view xml);
// An answer that only says that it was done.
Result<void> read_done(std::string_view action, std::string_view xml);

// Auto Scaling's answers: <action>Response around <action>Result around a list of <member>, each a
// map from a field's name to its text. Errors as above.
Result<std::vector<std::map<std::string, std::string>>> read_query_members(std::string_view action,
                                                                           std::string_view list,
                                                                           std::string_view xml);
// One that says by being there that it was done.
Result<void> read_query_answer(std::string_view action, std::string_view xml);

// The first error of an answer, whatever its status; nothing where it is none.
struct Ec2Failure {
  std::string code;
  std::string message;
};
std::optional<Ec2Failure> read_failure(std::string_view xml);

}  // namespace haagent::aws
