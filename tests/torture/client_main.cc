// The clients of a torture run, in one process on a worker: they write and read both etcd clusters
// without pause and note each operation when it has ended. The folder that is the one argument has
// `endpoints` ("a 10.0.0.5", a line a master; replaced while they run), `ca`, `crt` and `key`; they
// write `history` there, and `ended` once there was a `stop`.
#include <fmt/format.h>

#include <atomic>
#include <chrono>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <map>
#include <mutex>
#include <random>
#include <thread>
#include <vector>

#include "agent/base/base64.h"
#include "agent/base/clock.h"
#include "agent/base/http_curl.h"
#include "agent/base/json.h"
#include "tests/torture/history.h"
#include "tests/torture/lost.h"

namespace haagent::torture {
namespace {

using namespace std::chrono_literals;

constexpr int kRegisters = 3;
constexpr int kRegisterClients = 3;
constexpr auto kPause = 15ms;  // so that one machine has room for three etcds as well
constexpr auto kPauseAfterTrouble = 50ms;

std::int64_t now() {
  return std::chrono::steady_clock::now().time_since_epoch() / 1ns;
}

// An answer that tells what happened; nothing for any other.
using Answer = std::optional<Tree>;

class Clients {
 public:
  explicit Clients(std::filesystem::path folder)
      : folder_(std::move(folder)), history_(folder_ / "history", std::ios::app) {}

  int run() {
    if (!history_) return 1;
    read_endpoints();
    {
      std::vector<std::jthread> threads;
      unsigned seed = 0;
      for (std::string const cluster : {"main", "events"}) {
        for (char master : {'a', 'b', 'c'})
          threads.emplace_back([=, this] { append(cluster, master); });
        for (int i = 0; i < kRegisterClients; ++i)
          threads.emplace_back([=, this, number = ++seed] { use_registers(cluster, number); });
      }
      while (!std::filesystem::exists(folder_ / "stop")) {
        read_endpoints();
        std::this_thread::sleep_for(100ms);
      }
      stop_ = true;
    }
    for (std::string const cluster : {"main", "events"})
      for (int i = 0; i < kRegisters; ++i) read_at_last(cluster, register_name(i));
    if (!history_.flush()) return 1;
    std::ofstream(folder_ / "ended");
    return 0;
  }

 private:
  static std::string register_name(int number) {
    return fmt::format("{}{}", kRegisterPrefix, number);
  }

  void read_endpoints() {
    std::ifstream in(folder_ / "endpoints");
    std::map<char, std::string> found;
    char master = 0;
    for (std::string address; in >> master >> address;) found[master] = address;
    std::lock_guard lock(mutex_);
    endpoints_ = std::move(found);
  }

  // Empty where there is none.
  std::string address_of(char master) {
    std::lock_guard lock(mutex_);
    auto const found = endpoints_.find(master);
    return found == endpoints_.end() ? "" : found->second;
  }

  void note(Operation const& operation) {
    std::lock_guard lock(mutex_);
    history_ << to_line(operation) << '\n' << std::flush;
  }

  // `once`: on a connection of its own. libcurl sends a request again where a connection that it
  // has used before is closed without an answer, and a write must not happen twice.
  Answer ask(std::string const& cluster, std::string const& address, std::string_view path,
             Tree const& body, bool once) {
    HttpRequest request{
        .method = "POST",
        .url = fmt::format("https://{}:{}{}", address, cluster == "main" ? 2379 : 2389, path),
        .headers = {{"content-type", "application/json"}},
        .body = json::print(body),
        .connect_timeout = 500ms,
        .timeout = 1'500ms,
        .tls = {folder_ / "ca", folder_ / "crt", folder_ / "key"},
        .direct = true};
    if (once) request.headers.emplace_back("connection", "close");
    auto const response = http_.send(request, {});
    if (!response || response->status != 200) return std::nullopt;
    auto answer = json::parse(response->body);
    if (!answer || !answer->find("header")) return std::nullopt;
    return *std::move(answer);
  }

  static Tree put_request(std::string const& key, std::string const& value) {
    return Tree::map({{"key", to_base64(key)}, {"value", to_base64(value)}});
  }
  // The value of the one key; nothing where the answer cannot be read.
  static std::optional<std::string> value_in(Tree const& answer) {
    auto const* list = answer.find("kvs");
    if (!list || list->items().empty()) return "";
    return from_base64(list->items().front().text_at("value"));
  }

  // Writes each key once, at one master, so that a cluster that takes writes anywhere is noticed.
  void append(std::string const& cluster, char master) {
    for (int i = 1; !stop_; ++i) {
      auto const address = address_of(master);
      if (address.empty()) {
        std::this_thread::sleep_for(kPauseAfterTrouble);
        continue;
      }
      Operation operation{.cluster = cluster,
                          .action = Action::put,
                          .key = fmt::format("torture/{}/{:07}", master, i),
                          .value = std::to_string(i),
                          .invoked = now()};
      operation.known =
          ask(cluster, address, "/v3/kv/put", put_request(operation.key, operation.value), false)
              .has_value();
      operation.completed = now();
      note(operation);
      std::this_thread::sleep_for(operation.known ? kPause : kPauseAfterTrouble);
    }
  }

  // All clients use the same few keys, at any master.
  void use_registers(std::string const& cluster, unsigned number) {
    std::mt19937_64 random(number);
    std::map<std::string, std::string> last_seen;
    for (int i = 1; !stop_; ++i) {
      auto const address = address_of(static_cast<char>('a' + random() % 3));
      auto const key = register_name(static_cast<int>(random() % kRegisters));
      auto const what = random() % 10;
      if (address.empty()) {
        std::this_thread::sleep_for(kPauseAfterTrouble);
        continue;
      }
      Operation operation{.cluster = cluster,
                          .action = Action::get,
                          .key = key,
                          .value = fmt::format("{}.{}", number, i),
                          .invoked = now()};
      if (what < 4) {
        get(operation, address);
      } else if (what < 7 && !last_seen[key].empty()) {
        operation.action = Action::swap;
        operation.expected = last_seen[key];
        swap(operation, address);
      } else {
        operation.action = Action::put;
        operation.known =
            ask(cluster, address, "/v3/kv/put", put_request(key, operation.value), true)
                .has_value();
      }
      operation.completed = now();
      if (operation.known) last_seen[key] = operation.value;
      note(operation);
      std::this_thread::sleep_for(operation.known ? kPause : kPauseAfterTrouble);
    }
  }

  void get(Operation& operation, std::string const& address) {
    auto const answer = ask(operation.cluster, address, "/v3/kv/range",
                            Tree::map({{"key", to_base64(operation.key)}}), false);
    auto value = answer ? value_in(*answer) : std::nullopt;
    operation.known = value.has_value();
    operation.value = std::move(value).value_or("");
  }

  void swap(Operation& operation, std::string const& address) {
    auto const key = to_base64(operation.key);
    auto const request = Tree::map(
        {{"compare", Tree::list({Tree::map({{"key", key},
                                            {"target", "VALUE"},
                                            {"result", "EQUAL"},
                                            {"value", to_base64(operation.expected)}})})},
         {"success",
          Tree::list({Tree::map({{"request_put", put_request(operation.key, operation.value)}})})},
         {"failure", Tree::list({Tree::map({{"request_range", Tree::map({{"key", key}})}})})}});
    auto const answer = ask(operation.cluster, address, "/v3/kv/txn", request, true);
    operation.known = answer.has_value();
    if (!answer || answer->text_at("succeeded") == "true") return;
    // It found another value, and so it was a read of that.
    operation.action = Action::get;
    operation.expected.clear();
    auto const* responses = answer->find("responses");
    auto const* range = responses && !responses->items().empty()
                            ? responses->items().front().find("response_range")
                            : nullptr;
    auto value = range ? value_in(*range) : std::nullopt;
    operation.known = value.has_value();
    operation.value = std::move(value).value_or("");
  }

  // What is there in the end, asked at every master, until each has answered.
  void read_at_last(std::string const& cluster, std::string const& key) {
    for (char master : {'a', 'b', 'c'}) {
      for (auto const end = now() + std::chrono::nanoseconds(20s).count(); now() < end;) {
        Operation operation{
            .cluster = cluster, .action = Action::get, .key = key, .invoked = now()};
        read_endpoints();
        get(operation, address_of(master));
        operation.completed = now();
        note(operation);
        if (operation.known) break;
        std::this_thread::sleep_for(kPauseAfterTrouble);
      }
    }
  }

  std::filesystem::path const folder_;
  CurlHttp http_;
  std::atomic<bool> stop_ = false;
  std::mutex mutex_;
  std::ofstream history_;
  std::map<char, std::string> endpoints_;
};

}  // namespace
}  // namespace haagent::torture

int main(int argc, char** argv) {
  if (argc != 2) {
    std::fprintf(stderr, "usage: %s FOLDER\n", argv[0]);
    return 2;
  }
  return haagent::torture::Clients(argv[1]).run();
}
