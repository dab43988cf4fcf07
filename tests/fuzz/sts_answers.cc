// What answers for STS, on the word of which a master signs: sts:GetCallerIdentity.
#include <algorithm>

#include "agent/aws/caller_identity.h"
#include "tests/fuzz/answers.h"
#include "tests/fuzz/hold.h"
#include "tests/fuzz/targets.h"

namespace haagent::fuzz {
namespace {

int count(std::string_view text, std::string_view what) {
  int found = 0;
  for (auto at = text.find(what); at != text.npos; at = text.find(what, at + 1)) ++found;
  return found;
}

std::string escaped(std::string_view text) {
  std::string out;
  for (char c : text) out += fmt::format("&#{};", static_cast<int>(c));
  return out;
}

std::string answer_of(aws::CallerIdentity const& caller) {
  return fmt::format(
      "<GetCallerIdentityResponse xmlns=\"https://sts.amazonaws.com/doc/2011-06-15/\">"
      "<GetCallerIdentityResult><Arn>{}</Arn><UserId>{}</UserId><Account>{}</Account>"
      "</GetCallerIdentityResult></GetCallerIdentityResponse>",
      escaped(caller.arn), escaped(caller.user_id), escaped(caller.account));
}

void hold_caller(aws::CallerIdentity const& caller, std::string_view xml) {
  for (auto const* value : {&caller.account, &caller.arn, &caller.user_id})
    hold(!value->empty() && std::ranges::all_of(*value, [](char c) { return c > ' ' && c < 127; }),
         "each value is there, and a word");
  hold(aws::read_caller_identity(answer_of(caller)) == caller,
       "an answer that is written reads as the same");
  for (auto const* element : {"<Arn", "<UserId", "<Account"})
    hold(count(xml, element) >= 1, "each value is an element");
  hold(!xml.contains('\0') &&
           xml.substr(xml.rfind('>') + 1).find_first_not_of(" \t\r\n") == xml.npos,
       "nothing stands behind the answer");
  hold(xml.substr(0, xml.find('<')).find_first_not_of(" \t\r\n") == xml.npos, "nor before it");
  auto const role = aws::assumed_role_of(caller);
  if (!role) {
    hold_error(role.error(), {Kind::invalid});
    return hold_printable(role.error().message.text);
  }
  hold(caller.arn == fmt::format("arn:{}:sts::{}:assumed-role/{}/{}", role->partition,
                                 role->account, role->role, role->session),
       "an ARN has its parts and no more");
  hold(role->account == caller.account, "one account everywhere");
  hold(!role->role.empty() && !role->role.contains('/') && !role->session.contains('/'),
       "one role, one session");
  hold(caller.user_id.ends_with(":" + role->session) && count(caller.user_id, ":") >= 1,
       "one session everywhere");
}

}  // namespace

void sts_answers(std::string_view bytes) {
  if (auto const caller = aws::read_caller_identity(bytes)) {
    hold_caller(*caller, bytes);
  } else {
    hold_error(caller.error(), {Kind::transient});
  }
  Answers http(bytes);
  aws::CallCounts counts;
  aws::StsClient sts(
      http, {.endpoint = "https://sts.eu-west-1.amazonaws.com", .region = "eu-west-1"}, &counts);
  aws::SignedCall const call{.access_key_id = "ASIAEXAMPLE000000001",
                             .time = "20260115T101500Z",
                             .session_token = "",
                             .signature = std::string(64, 'a')};
  auto const said = sts.caller_identity({.name = "x-haagent-join", .value = "c0ffee"}, call, {});
  hold(counts.page().requests.size() == 1, "each call is counted");
  if (said) return;
  hold_error(said.error(), {Kind::denied, Kind::transient});
  hold(said.error().kind != Kind::denied || bytes.contains("<Code"),
       "nobody is refused but by a code of STS");
}

}  // namespace haagent::fuzz
