#include "agent/runtime/kept_sockets.h"

#include <fcntl.h>
#include <systemd/sd-daemon.h>

#include <cstdlib>
#include <memory>
#include <string>

namespace haagent::notify {
namespace {

struct FreeNames {
  void operator()(char** names) const {
    for (auto** each = names; *each; ++each) ::free(*each);
    ::free(names);
  }
};

}  // namespace

FileDescriptor kept_socket(std::string_view name) {
  char** list = nullptr;
  int const count = sd_listen_fds_with_names(/*unset_environment=*/1, &list);
  std::unique_ptr<char*, FreeNames> const names(list);
  FileDescriptor found;
  for (int i = 0; names && i < count; ++i) {
    FileDescriptor each(SD_LISTEN_FDS_START + i);
    if (found || names.get()[i] != name) continue;
    ::fcntl(each.get(), F_SETFD, FD_CLOEXEC);
    found = std::move(each);
  }
  return found;
}

void keep_socket(std::string_view name, int socket) {
  forget_socket(name);
  auto const message = "FDSTORE=1\nFDNAME=" + std::string(name);
  sd_pid_notify_with_fds(/*pid=*/0, /*unset_environment=*/0, message.c_str(), &socket, 1);
}

void forget_socket(std::string_view name) {
  sd_notify(/*unset_environment=*/0, ("FDSTOREREMOVE=1\nFDNAME=" + std::string(name)).c_str());
}

}  // namespace haagent::notify
