#include "agent/base/units.h"

#include <unistd.h>

namespace haagent {

UnitUser own_user() {
  return {::geteuid(), ::getegid()};
}

FileMode shown_to(UnitUser const& user) {
  if (user.uid == ::geteuid()) return {.mode = 0600};
  return {.mode = 0640, .uid = {}, .gid = user.gid};
}

Result<void> Units::restart(std::string const& name) {
  return fail(Kind::invalid, "{} is not run by systemd, and cannot be restarted", name);
}

Result<UnitUser> Units::user(std::string const&) {
  return own_user();
}

}  // namespace haagent
