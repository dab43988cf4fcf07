// An IAM policy as it is attached to a role or to a bucket, and what it says of one request. Pure.
// What IAM knows and this does not (NotAction, NotResource, principals other than everybody, dates,
// addresses) is an error when the policy is read, so that none is judged by half.
#pragma once

#include <map>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "agent/base/result.h"

namespace haagent::sim {

// One action on one resource. A call that touches several resources is several of these, and each
// must be allowed.
struct IamRequest {
  std::string action;    // "ec2:AttachVolume"
  std::string resource;  // its ARN; "*" where the action knows no resources
  // What conditions ask for, by key; keys are compared without regard to case. No entry: the key is
  // not in the request.
  std::map<std::string, std::vector<std::string>> context;
};

struct IamCondition {
  std::string key;  // in lower case
  enum class Operator {
    equals,
    equals_ignoring_case,
    like,
    arn_like,
    number_equals,
    number_below,
    number_at_most,
    number_above,
    number_at_least,
    boolean,
    null
  } is;
  bool negated = false;
  bool if_exists = false;
  enum class Of { one, each, any } of = Of::one;  // ForAllValues: each; ForAnyValue: any
  std::vector<std::string> values;
};

struct IamStatement {
  std::string sid;
  bool allows = true;
  std::vector<std::string> actions;
  std::vector<std::string> resources;
  std::vector<IamCondition> conditions;

  bool applies_to(IamRequest const& request) const;
};

class IamPolicy {
 public:
  // Errors are `invalid` and name the statement.
  static Result<IamPolicy> parse(std::string_view json);
  // The same, where each statement has the Principal "*".
  static Result<IamPolicy> parse_of_bucket(std::string_view json);

  std::vector<IamStatement> const& statements() const { return statements_; }
  // The statement that allows it; null where none does, or where one denies it.
  IamStatement const* allowing(IamRequest const& request) const;
  // The statement that denies it, whatever allows it; null where none does.
  IamStatement const* denying(IamRequest const& request) const;

 private:
  static Result<IamPolicy> parse_of(std::string_view json, bool of_bucket);
  std::vector<IamStatement> statements_;
};

// With "${key}" replaced by what the request has, literally; '*' any run, '?' any one character.
// False where a variable is not in the request.
bool matches_iam_pattern(std::string_view text, std::string_view pattern,
                         IamRequest const& request);
// The same part by part: a '*' does not reach beyond a colon but in the last of six.
bool matches_arn(std::string_view text, std::string_view pattern, IamRequest const& request);

}  // namespace haagent::sim
