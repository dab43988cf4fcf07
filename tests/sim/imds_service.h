// The instance metadata service, version 2, and 1 where an instance still allows it. Who asks is
// told by the source address alone.
#pragma once

#include <map>
#include <mutex>
#include <string>

#include "tests/sim/auth.h"
#include "tests/sim/region.h"
#include "tests/sim/wire.h"

namespace haagent::sim {

class ImdsService {
 public:
  ImdsService(Region& region, KeyRing& keys) : region_(region), keys_(keys) {}
  // Thread-safe. A HEAD is answered as a GET is; the server leaves the body out.
  Response handle(Request const& request);

 private:
  struct Session {
    std::string instance_id;
    UtcTime ends;
  };
  Response put_token(Instance const& instance, Request const& request);
  // Nothing where the request may pass.
  std::optional<Response> refuse(Instance const& instance, Request const& request);
  Response look_up(Instance const& instance, std::string const& path);

  Region& region_;
  KeyRing& keys_;
  std::mutex mutex_;
  std::map<std::string, Session> sessions_;  // by token
};

// Everything below /latest/ for an instance, path to content: "meta-data/instance-id". Lists are
// not in it; list_below makes them. credentials: empty where the role has none.
std::map<std::string, std::string> metadata_of(Instance const& instance, View const& view,
                                               std::string const& credentials);
// One child a line, folders with a slash; nothing where there is no such folder.
std::optional<std::string> list_below(std::map<std::string, std::string> const& items,
                                      std::string_view folder);

}  // namespace haagent::sim
