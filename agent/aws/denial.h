// Why AWS says no. Its messages tell which policy it was, and only where no policy of the role
// allows the action does a permission of the role help: against an explicit deny, or a policy that
// sets the limits of the account or of the role, nothing that is given to the role does.
//
// Source: "Troubleshoot access denied error messages" of the IAM user guide. The messages are of
// these forms, each maybe with the policy's ARN behind it:
//   User: ARN is not authorized to perform: ACTION on resource: ARN with an explicit deny in a KIND
//   User: ARN is not authorized to perform: ACTION on resource: ARN because no KIND allows the
//   ACTION
//     action
// Older ones, and those across accounts, say neither; EC2's then have the reason encoded.
#pragma once

#include <span>
#include <string>
#include <string_view>

namespace haagent::aws {

struct DenialRule {
  std::string_view fragment;  // of AWS's message, in lower case
  // What to do; {action} stands for the action that was denied.
  std::string_view advice;
};

// The first rule whose fragment is in the message decides. The last one has none, and is for
// messages that tell no reason.
std::span<DenialRule const> denial_rules();

// The action that a message names: "kms:GenerateDataKey"; empty where it names none, or what it
// names is none.
std::string_view denied_action(std::string_view message);

// What to do about a denial of `action`, which is what was called; where the message names another
// one, that counts.
std::string denial_advice(std::string_view action, std::string_view message);

// What EC2 has encoded, as it is in its message; empty where there is none.
std::string_view encoded_denial(std::string_view message);

// True where the message tells the reason in words.
bool tells_why_denied(std::string_view message);

}  // namespace haagent::aws
