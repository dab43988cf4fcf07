#include "agent/bundle/collector.h"

#include <sys/random.h>

#include <algorithm>
#include <atomic>
#include <condition_variable>
#include <memory>
#include <mutex>
#include <optional>
#include <thread>

#include "agent/base/json.h"
#include "agent/config/keys.h"

namespace haagent::bundle {
namespace {

// The output of one source. The source and the collector own it together.
class SharedBasket final : public Basket {
 public:
  void put(Piece piece) override {
    std::lock_guard const lock(mutex_);
    if (!closed_) pieces_.push_back(std::move(piece));
  }
  void learn(Learned learned) override {
    std::lock_guard const lock(mutex_);
    if (closed_) return;
    std::ranges::move(learned.names, std::back_inserter(learned_.names));
    std::ranges::move(learned.secrets, std::back_inserter(learned_.secrets));
    if (!learned.config.is_null()) learned_.config = std::move(learned.config);
  }
  void close(std::vector<Piece>& pieces, Learned& learned) {
    std::lock_guard const lock(mutex_);
    closed_ = true;
    std::ranges::move(pieces_, std::back_inserter(pieces));
    std::ranges::move(learned_.names, std::back_inserter(learned.names));
    std::ranges::move(learned_.secrets, std::back_inserter(learned.secrets));
    if (!learned_.config.is_null()) learned.config = std::move(learned_.config);
  }
  bool is_empty() const {
    std::lock_guard const lock(mutex_);
    return pieces_.empty();
  }

 private:
  mutable std::mutex mutex_;
  bool closed_ = false;
  std::vector<Piece> pieces_;
  Learned learned_;
};

struct Round {
  std::mutex mutex;
  std::condition_variable changed;
  std::vector<bool> finished;
  std::vector<std::string> failed;
};

struct Running {
  Source source;
  std::shared_ptr<SharedBasket> basket = std::make_shared<SharedBasket>();
  std::stop_source stop;
  bool over = false;  // finished or given up
};

void start(std::shared_ptr<Round> const& round, Running const& running, std::size_t index) {
  std::thread([round, index, source = running.source, basket = running.basket,
               stop = running.stop.get_token()] {
    std::string failed;
    try {
      source.collect(*basket, stop);
    } catch (std::exception const& error) {
      failed = error.what();
    }
    std::lock_guard const lock(round->mutex);
    round->finished[index] = true;
    round->failed[index] = failed;
    round->changed.notify_all();
  }).detach();
}

std::string fresh_salt() {
  std::string salt(32, '\0');
  // Without randomness the stand-ins are worth less, and the bundle no less.
  if (::getrandom(salt.data(), salt.size(), GRND_NONBLOCK) < 0) salt = "none";
  return salt;
}

Shown redacted(Redactor const& redactor, Piece const& piece) {
  switch (piece.format) {
    case Format::own_json:
      return redactor.json(piece.bytes, own_keys());
    case Format::kubernetes_yaml:
      return redactor.yaml(piece.bytes, kubernetes_keys());
    case Format::unit_settings:
      return redactor.settings(piece.bytes, unit_keys());
    case Format::flags:
      return redactor.flags(piece.bytes);
    case Format::metrics:
      return redactor.metrics(piece.bytes);
    case Format::config: {
      auto const document = json::parse(piece.bytes).value_or(Tree::map());
      auto const* config = document.find("config");
      auto const* origins = document.find("origins");
      return redactor.config(config ? *config : Tree::map(), config_keys(),
                             origins ? *origins : Tree::map());
    }
    case Format::text:
      break;
  }
  return redactor.text(piece.bytes);
}

// Of all pieces, whose own bytes are gone then. 32 MiB of logs are seconds of one processor.
std::vector<std::optional<Shown>> redacted(Redactor const& redactor, std::vector<Piece>& pieces) {
  std::vector<std::optional<Shown>> shown(pieces.size());
  std::atomic<std::size_t> next = 0;
  auto const work = [&] {
    for (std::size_t i; (i = next++) < pieces.size();) {
      shown[i] = redacted(redactor, pieces[i]);
      std::string().swap(pieces[i].bytes);
    }
  };
  std::vector<std::jthread> helpers;
  for (auto more = std::min(4u, std::thread::hardware_concurrency()); more > 1; --more)
    helpers.emplace_back(work);
  work();
  helpers.clear();
  return shown;
}

// The most that one file may have, so that all of them fit.
std::size_t fair_share(std::vector<std::size_t> sizes, std::size_t most) {
  std::ranges::sort(sizes);
  for (std::size_t i = 0; i < sizes.size(); ++i) {
    auto const share = most / (sizes.size() - i);
    if (sizes[i] > share) return share;
    most -= sizes[i];
  }
  return sizes.empty() ? most : sizes.back();
}

std::string safe_path(Redactor const& redactor, std::string const& path) {
  std::string out;
  for (std::size_t at = 0; at <= path.size();) {
    auto const end = std::min(path.find('/', at), path.size());
    auto part = redactor.name(std::string_view(path).substr(at, end - at));
    std::ranges::replace(part, ' ', '-');
    if (part == ".." || part == ".") part = "-";
    out += (out.empty() ? "" : "/") + part.substr(0, 90);
    at = end + 1;
  }
  return out;
}

std::string manifest(std::vector<File> const& files, Redactor const& redactor, About const& about) {
  // A line a file, so that people read it as well as programs.
  auto out = "{\n" + [&] {
    auto head =
        redactor
            .tree(Tree::map({{"haagent", about.haagent},
                             {"node", about.node},
                             {"cluster", about.cluster},
                             {"created", to_rfc3339(about.made)},
                             {"timeout", static_cast<std::int64_t>(about.timeout.count() / 1000)},
                             {"maxSize", static_cast<std::uint64_t>(about.most)}}),
                  own_keys())
            .bytes();
    return head.substr(2, head.rfind('\n', head.size() - 2) - 2);
  }() + ",\n  \"files\": [";
  bool first = true;
  for (auto const& file : files) {
    auto row = Tree::map({{"path", file.path},
                          {"bytes", static_cast<std::uint64_t>(file.bytes.size())},
                          {"milliseconds", static_cast<std::int64_t>(file.took.count())},
                          {"cut", file.cut}});
    if (!file.missing.empty()) row.set("missing", file.missing);
    row.set("how", file.how);
    out += (first ? "\n    " : ",\n    ") + json::print(row);
    first = false;
  }
  return out + "\n  ]\n}\n";
}

}  // namespace

Collected collect(std::vector<Source> sources, Duration whole, Progress const& told,
                  std::stop_token stop) {
  SystemClock const clock;
  auto const began = clock.steady();
  auto round = std::make_shared<Round>();
  round->finished.resize(sources.size());
  round->failed.resize(sources.size());
  std::vector<Running> running;
  for (auto& source : sources) running.push_back({.source = std::move(source)});
  for (std::size_t i = 0; i < running.size(); ++i) start(round, running[i], i);

  Collected collected;
  std::size_t over = 0;
  auto end = [&](std::size_t i, std::string const& missing) {
    auto& one = running[i];
    one.over = true;
    ++over;
    bool const had_none = one.basket->is_empty();
    one.basket->close(collected.pieces, collected.learned);
    if (!missing.empty() || had_none)
      collected.pieces.push_back(
          {.path = one.source.path,
           .how = one.source.how,
           .missing = missing.empty() ? "there is none on this node" : missing,
           .took = std::chrono::duration_cast<Duration>(clock.steady() - began)});
    if (told) told(over, running.size(), one.source.name);
  };
  std::unique_lock lock(round->mutex);
  while (over < running.size()) {
    auto const past = std::chrono::duration_cast<Duration>(clock.steady() - began);
    auto next = whole;
    for (std::size_t i = 0; i < running.size(); ++i) {
      if (running[i].over) continue;
      auto const limit = std::min(running[i].source.deadline, whole);
      if (round->finished[i]) {
        end(i, round->failed[i]);
      } else if (past >= limit || stop.stop_requested()) {
        running[i].stop.request_stop();
        collected.left_behind = true;
        end(i, stop.stop_requested() ? "it was interrupted"
                                     : "it did not answer within " + to_words(limit));
      } else {
        next = std::min(next, limit);
      }
    }
    if (over < running.size())
      round->changed.wait_for(lock, std::clamp(next - past, Duration(1), Duration(100)));
  }
  return collected;
}

std::vector<File> finished(Collected collected, About const& about) {
  Redactor redactor(fresh_salt());
  // Names first: a value that stands for a secret takes its name away again.
  for (auto const& name : collected.learned.names) redactor.know(name);
  redactor.hide_secrets_of(collected.learned.config, config_keys());
  for (auto const& secret : collected.learned.secrets) redactor.hide(secret);

  std::ranges::stable_sort(collected.pieces, {}, &Piece::path);
  auto shown = redacted(redactor, collected.pieces);
  std::vector<File> files;
  std::vector<std::size_t> sizes;
  for (std::size_t i = 0; i < shown.size(); ++i) {
    auto const& piece = collected.pieces[i];
    files.push_back({.path = safe_path(redactor, piece.path),
                     .how = redactor.text(piece.how).bytes(),
                     .missing = redactor.text(piece.missing).bytes(),
                     .took = piece.took,
                     .cut = piece.cut,
                     .bytes = {}});
    for (auto* text : {&files.back().how, &files.back().missing})
      while (text->ends_with('\n')) text->pop_back();
    if (files.back().missing.empty()) sizes.push_back(shown[i]->bytes().size());
  }
  auto const share = fair_share(sizes, about.most);
  for (std::size_t i = 0; i < files.size(); ++i) {
    if (!files[i].missing.empty()) continue;
    files[i].cut = files[i].cut || shown[i]->bytes().size() > share;
    collected.pieces[i].newest_lines ? shown[i]->keep_newest(share) : shown[i]->keep_first(share);
    files[i].bytes = shown[i]->bytes();
    shown[i].reset();
  }
  auto list = manifest(files, redactor, about);
  std::erase_if(files, [](File const& file) { return !file.missing.empty(); });
  files.push_back({.path = "MANIFEST.json",
                   .how = "",
                   .missing = "",
                   .took = Duration(0),
                   .cut = false,
                   .bytes = std::move(list)});
  return files;
}

}  // namespace haagent::bundle
