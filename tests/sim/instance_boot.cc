#include "tests/sim/instance_boot.h"

#include <fcntl.h>
#include <linux/capability.h>
#include <sched.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>

#include "agent/base/json.h"

namespace haagent::sim {
namespace {

void say(std::string_view text) {
  if (::write(kTalk, text.data(), text.size()) < 0) ::_exit(1);
}

[[noreturn]] void fail_boot(Error const& error) {
  say(error.message.text);
  ::_exit(1);
}

Tree list_of(std::vector<std::string> const& words) {
  return Tree::list({words.begin(), words.end()});
}

std::vector<std::string> words_of(Tree const& tree, std::string_view key) {
  std::vector<std::string> words;
  if (auto const* list = tree.find(key))
    for (auto const& item : list->items()) words.push_back(item.text());
  return words;
}

Tree tree_of(InitProgram const& program) {
  auto codes = Tree::list();
  for (int code : program.final_codes) codes.push_back(code);
  return Tree::map({{"name", program.name},
                    {"argv", list_of(program.argv)},
                    {"final", std::move(codes)},
                    {"always", program.always}});
}

InitProgram program_of(Tree const& tree) {
  InitProgram program;
  program.name = tree.text_at("name");
  program.argv = words_of(tree, "argv");
  if (auto const* codes = tree.find("final"))
    for (auto const& code : codes->items())
      program.final_codes.push_back(static_cast<int>(code.as_integer().value_or(0)));
  if (auto const* always = tree.find("always"))
    program.always = always->as_boolean().value_or(false);
  return program;
}

Boot hear_boot() {
  std::string text(1 << 20, '\0');
  auto const got = ::recv(kTalk, text.data(), text.size(), 0);
  text.resize(static_cast<std::size_t>(std::max<ssize_t>(got, 0)));
  auto boot = decode_boot(text);
  if (!boot) fail_boot(boot.error());
  return std::move(*boot);
}

}  // namespace

std::string encode(Boot const& boot) {
  auto services = Tree::list();
  for (auto const& service : boot.init.services) services.push_back(tree_of(service));
  return json::print(Tree::map({{"base", boot.folders.base.string()},
                                {"logs", boot.folders.logs.string()},
                                {"image", boot.image.string()},
                                {"source", boot.source},
                                {"hostname", boot.hostname},
                                {"main", tree_of(boot.init.main)},
                                {"services", std::move(services)},
                                {"containers", boot.containers},
                                {"environment", list_of(boot.init.environment)}}));
}

Result<Boot> decode_boot(std::string_view text) {
  auto const tree = json::parse(text);
  if (!tree) return fail(tree.error(), "reading what to boot");
  Boot boot{InstanceFolders(tree->text_at("base")),
            tree->text_at("image"),
            tree->text_at("source"),
            tree->text_at("hostname"),
            {},
            false};
  boot.folders.logs = tree->text_at("logs");
  if (auto const* main = tree->find("main")) boot.init.main = program_of(*main);
  if (auto const* services = tree->find("services"))
    for (auto const& service : services->items()) boot.init.services.push_back(program_of(service));
  if (auto const* containers = tree->find("containers"))
    boot.containers = containers->as_boolean().value_or(false);
  boot.init.environment = words_of(*tree, "environment");
  return boot;
}

void be_instance() {
  ::setsid();
  sigset_t none;
  sigemptyset(&none);
  ::sigprocmask(SIG_SETMASK, &none, nullptr);
  for (int number = 1; number < NSIG; ++number) ::signal(number, SIG_DFL);
  ::fcntl(kTalk, F_SETFD, FD_CLOEXEC);
  int null = ::open("/dev/null", O_RDWR);
  for (int fd = 0; fd < 3; ++fd) ::dup2(null, fd);
  if (null > kTalk) ::close(null);
  ::prctl(PR_SET_NAME, "init");
  auto const boot = hear_boot();
  // The clock and the kernel are the host's. Containers need device nodes of their own.
  for (int capability : {CAP_SYS_TIME, CAP_SYS_MODULE}) ::prctl(PR_CAPBSET_DROP, capability);
  if (!boot.containers) ::prctl(PR_CAPBSET_DROP, CAP_MKNOD);
  if (::unshare(CLONE_NEWNET | CLONE_NEWNS | CLONE_NEWUTS | CLONE_NEWIPC) != 0)
    fail_boot(errno_error(errno, "making an instance's namespaces"));
  say(std::string_view(&kReady, 1));
  char answer = 0;
  if (::read(kTalk, &answer, 1) != 1 || answer != kGo) ::_exit(1);
  // The region has put this process into its groups by now: they are the roots that it sees.
  if (boot.containers && ::unshare(CLONE_NEWCGROUP) != 0)
    fail_boot(errno_error(errno, "making an instance's cgroup namespace"));
  if (::sethostname(boot.hostname.data(), boot.hostname.size()) != 0)
    fail_boot(errno_error(errno, "setting the host name"));
  if (auto done = enter_root(boot.folders, boot.image, boot.source, boot.containers); !done)
    fail_boot(done.error());
  ::umask(022);
  say(std::string_view(&kRunning, 1));
  ::close(kTalk);
  run_init(boot.init);
}

}  // namespace haagent::sim
