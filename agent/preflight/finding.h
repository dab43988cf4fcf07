// What a preflight finds: messages, each with what to do about it; and how they are shown.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "agent/base/message.h"
#include "agent/base/tree.h"
#include "agent/runtime/terminal.h"

namespace haagent::preflight {

enum class Level {
  ok,
  untried,  // it cannot be known from here, or not without changing something
  warning,  // it works, but not as it should, or not for long
  problem,  // a node does not come up like this, or puts data at risk
};
std::string_view to_string(Level level);

struct Finding {
  std::string check;  // stable, for scripts: "etcd-version", "ec2:AttachVolume"
  Level level = Level::ok;
  Message message = {};
  bool operator==(Finding const&) const = default;
};
using Findings = std::vector<Finding>;

// Short forms, so that a judgement reads as its sentences. CheckPassed, and NotChecked.
Finding ok(std::string check, std::string text);
Finding untried(std::string check, std::string text, std::string advice = {});
Finding warning(std::string check, Message message);
Finding warning(std::string check, Reason reason, std::string text, std::string advice);
Finding problem(std::string check, Message message);
Finding problem(std::string check, Reason reason, std::string text, std::string advice);

void add(Findings& all, Findings more);

struct Report {
  std::string mode;     // "image", "instance"
  std::string subject;  // "this image", "i-0123456789abcdef0 in eu-west-1a, a master of prod"
  Findings findings;

  int count(Level level) const;
};

// The verdict first, the problems last, where they are seen.
std::string page(Report const& report, Terminal const& terminal);
// {schema, mode, subject, ok, problems, warnings, untried, findings: [{check, level, reason,
// sentence, advice}]}, in the order of the checks.
Tree to_tree(Report const& report);
// Failed with a problem; warnings are let pass.
int exit_code(Report const& report);

}  // namespace haagent::preflight
