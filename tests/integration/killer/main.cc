// Signals haagent's daemon at steps that last no longer than a rename: inotify tells of them sooner
// than any look from outside.
//   killer LOG SIGNAL EVENT...
// Each event gives one signal to the daemon: PATH appears (or is replaced) with "+PATH", vanishes
// with "-PATH", is written to with "~PATH", which counts only once all events before it have
// happened; "?PATH" is as "+PATH", and gives no signal. The last component may be a pattern; the
// folder that it is in may come later. What a daemon causes that was hit already counts for
// nothing. The log begins with "ready <pid>", and has a line for each hit.
#include <dirent.h>
#include <fnmatch.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <sys/inotify.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <map>
#include <set>
#include <string>
#include <vector>

namespace {

struct Event {
  char how;  // one of +-~?
  std::string folder;
  std::string pattern;
  std::string words;
};

Event parse(std::string const& words) {
  auto const slash = words.rfind('/');
  return {words[0], words.substr(1, slash - 1), words.substr(slash + 1), words};
}

std::uint32_t mask_of(char how) {
  if (how == '+' || how == '?') return IN_CREATE | IN_MOVED_TO;
  if (how == '-') return IN_DELETE | IN_MOVED_FROM;
  return IN_MODIFY;
}

// Those that run as "/usr/sbin/haagent run": the daemon, and no command.
std::vector<pid_t> daemons() {
  std::vector<pid_t> found;
  auto* proc = ::opendir("/proc");
  while (auto* entry = proc ? ::readdir(proc) : nullptr) {
    auto const pid = static_cast<pid_t>(std::atoi(entry->d_name));
    if (pid <= 1) continue;
    std::ifstream file("/proc/" + std::to_string(pid) + "/cmdline");
    std::string program, command;
    std::getline(file, program, '\0');
    std::getline(file, command, '\0');
    if (program == "/usr/sbin/haagent" && command == "run") found.push_back(pid);
  }
  if (proc) ::closedir(proc);
  return found;
}

}  // namespace

int main(int argc, char** argv) {
  if (argc < 4) return 2;
  auto* log = std::fopen(argv[1], "we");
  int const signal = std::atoi(argv[2]);
  int const notify = ::inotify_init1(IN_CLOEXEC);
  if (!log || notify < 0) return 1;
  std::vector<Event> events;
  for (int i = 3; i < argc; ++i) events.push_back(parse(argv[i]));
  // A watch shows what happens from then on; one watch a folder has the masks of all its events.
  std::map<int, std::string> folders;
  auto watch = [&] {
    for (auto const& event : events) {
      int const watched =
          ::inotify_add_watch(notify, event.folder.c_str(), mask_of(event.how) | IN_MASK_ADD);
      if (watched >= 0) folders[watched] = event.folder;
    }
  };
  watch();
  // A step lasts a millisecond, and the machine may be busy. Where it is not allowed, it is later.
  sched_param const first{.sched_priority = 1};
  ::sched_setscheduler(0, SCHED_FIFO, &first);
  std::fprintf(log, "ready %d\n", ::getpid());
  std::fflush(log);

  std::set<pid_t> before;
  alignas(inotify_event) char buffer[16'384];
  while (!events.empty()) {
    pollfd polled{notify, POLLIN, 0};
    if (::poll(&polled, 1, 20) == 0) watch();  // folders that were not there before
    if ((polled.revents & POLLIN) == 0) continue;
    auto const got = ::read(notify, buffer, sizeof buffer);
    for (char* at = buffer; got > 0 && at < buffer + got;) {
      auto const* seen = reinterpret_cast<inotify_event const*>(at);
      at += sizeof(inotify_event) + seen->len;
      auto const found = std::ranges::find_if(events, [&](Event const& event) {
        return seen->len != 0 && (seen->mask & mask_of(event.how)) != 0 &&
               folders[seen->wd] == event.folder &&
               ::fnmatch(event.pattern.c_str(), seen->name, 0) == 0;
      });
      if (found == events.end() || (found->how == '~' && found != events.begin())) continue;
      if (found->how == '?') {
        events.erase(found);
        continue;
      }
      bool hit = false;
      for (auto const pid : daemons())
        if (!before.contains(pid) && ::kill(pid, signal) == 0) hit = before.insert(pid).second;
      if (!hit) continue;
      std::fprintf(log, "%s\n", found->words.c_str());
      std::fflush(log);
      events.erase(found);
    }
  }
  return 0;
}
