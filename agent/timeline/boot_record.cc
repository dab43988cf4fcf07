#include "agent/timeline/boot_record.h"

#include <utility>

#include "agent/base/one_line.h"

namespace haagent::timeline {
namespace {

using namespace std::chrono_literals;

constexpr std::pair<SpanKind, std::string_view> kKinds[] = {
    {SpanKind::own, "own"},           {SpanKind::request, "request"},
    {SpanKind::throttle, "throttle"}, {SpanKind::program, "program"},
    {SpanKind::waiting, "waiting"},   {SpanKind::retrying, "retrying"},
};
constexpr std::pair<char const*, std::string BootRecord::*> kTexts[] = {
    {"bootId", &BootRecord::boot_id},  {"instanceId", &BootRecord::instance_id},
    {"node", &BootRecord::node},       {"zone", &BootRecord::zone},
    {"role", &BootRecord::role},       {"cluster", &BootRecord::cluster},
    {"version", &BootRecord::version}, {"kubernetes", &BootRecord::kubernetes},
};
constexpr Duration kLongest = 24h * 3653;
constexpr std::size_t kMostOfAList = 200;

Tree time_tree(Duration time) {
  return Tree(static_cast<std::int64_t>(time.count()));
}

Result<Duration> read_time(Tree const& tree, std::string_view key) {
  auto const* found = tree.find(key);
  auto const number = found ? found->as_integer() : std::nullopt;
  if (!number || *number > kLongest.count() || *number < -kLongest.count())
    return fail(Kind::invalid, "'{}' is no number of milliseconds", key);
  return Duration(*number);
}

Result<std::optional<Duration>> read_if_there(Tree const& tree, std::string_view key) {
  if (!tree.find(key)) return std::nullopt;
  return TRY(read_time(tree, key));
}

template <class T>
Result<void> read_period(Tree const& tree, T& into) {
  into.begin = TRY(read_time(tree, "begin"));
  into.end = TRY(read_time(tree, "end"));
  if (into.end < into.begin) return fail(Kind::invalid, "a period ends before it begins");
  return {};
}

// A worker's page comes in the clear, and anybody may have written it: what goes to a terminal is
// printable, and nothing is long.
std::string read_text(Tree const& tree, std::string_view key) {
  return one_line(tree.text_at(key), kMostOfAText);
}

std::vector<Tree> items_of(Tree const& tree, std::string_view key) {
  auto const* found = tree.find(key);
  auto items = found ? found->items() : std::vector<Tree>();
  if (items.size() > kMostOfAList) items.resize(kMostOfAList);
  return items;
}

Tree to_tree(Span const& span) {
  auto tree = Tree::map({{"kind", to_string(span.kind)},
                         {"begin", time_tree(span.begin)},
                         {"end", time_tree(span.end)}});
  if (!span.reason.empty()) tree["reason"] = span.reason;
  if (!span.subject.empty()) tree["subject"] = span.subject;
  if (!span.text.empty()) tree["text"] = span.text;
  return tree;
}

Result<Span> span_from_tree(Tree const& tree) {
  auto const kind = span_kind_of(tree.text_at("kind"));
  if (!kind) return fail(Kind::invalid, "a span has no kind");
  Span span{.kind = *kind,
            .reason = read_text(tree, "reason"),
            .subject = read_text(tree, "subject"),
            .text = read_text(tree, "text")};
  TRY(read_period(tree, span));
  return span;
}

Tree to_tree(BootRow const& row) {
  auto tree = Tree::map({{"name", row.name}});
  if (!row.after.empty()) {
    auto& after = tree["after"] = Tree::list();
    for (auto const& each : row.after) after.push_back(each);
  }
  if (row.began) tree["began"] = time_tree(*row.began);
  if (row.finished) tree["finished"] = time_tree(*row.finished);
  auto& spans = tree["spans"] = Tree::list();
  for (auto const& each : row.spans) spans.push_back(to_tree(each));
  return tree;
}

Result<BootRow> row_from_tree(Tree const& tree) {
  BootRow row{.name = read_text(tree, "name"),
              .began = TRY(read_if_there(tree, "began")),
              .finished = TRY(read_if_there(tree, "finished"))};
  if (row.name.empty()) return fail(Kind::invalid, "a row has no name");
  for (auto const& each : items_of(tree, "after"))
    row.after.push_back(one_line(each.text(), kMostOfAText));
  for (auto const& each : items_of(tree, "spans")) row.spans.push_back(TRY(span_from_tree(each)));
  return row;
}

}  // namespace

std::string_view to_string(SpanKind kind) {
  for (auto const& [each, text] : kKinds)
    if (each == kind) return text;
  return "own";
}

std::optional<SpanKind> span_kind_of(std::string_view text) {
  for (auto const& [kind, each] : kKinds)
    if (each == text) return kind;
  return std::nullopt;
}

Tree to_tree(BootRecord const& record) {
  auto tree = Tree::map({{"schema", kSchema}});
  for (auto const& [key, member] : kTexts) tree[key] = record.*member;
  tree["kernelStarted"] = to_rfc3339(record.kernel_started, /*milliseconds=*/true);
  tree["agentStarted"] = time_tree(record.agent_started);
  if (record.ready) tree["ready"] = time_tree(*record.ready);
  auto& stages = tree["stages"] = Tree::list();
  for (auto const& each : record.stages)
    stages.push_back(Tree::map({{"group", each.group},
                                {"name", each.name},
                                {"begin", time_tree(each.begin)},
                                {"end", time_tree(each.end)}}));
  auto& moments = tree["moments"] = Tree::list();
  for (auto const& each : record.moments)
    moments.push_back(Tree::map({{"name", each.name}, {"at", time_tree(each.at)}}));
  auto& rows = tree["rows"] = Tree::list();
  for (auto const& each : record.rows) rows.push_back(to_tree(each));
  return tree;
}

Result<BootRecord> record_from_tree(Tree const& tree) {
  if (tree.text_at("schema") != std::to_string(kSchema))
    return fail(Kind::invalid, "its schema is not {}", kSchema);
  BootRecord record;
  for (auto const& [key, member] : kTexts) record.*member = read_text(tree, key);
  auto const started = parse_rfc3339(tree.text_at("kernelStarted"));
  if (!started) return fail(Kind::invalid, "'kernelStarted' is no time");
  record.kernel_started = *started;
  record.agent_started = TRY(read_time(tree, "agentStarted"));
  record.ready = TRY(read_if_there(tree, "ready"));
  for (auto const& each : items_of(tree, "stages")) {
    Stage stage{.group = read_text(each, "group"), .name = read_text(each, "name")};
    TRY(read_period(each, stage));
    record.stages.push_back(std::move(stage));
  }
  for (auto const& each : items_of(tree, "moments"))
    record.moments.push_back({.name = read_text(each, "name"), .at = TRY(read_time(each, "at"))});
  for (auto const& each : items_of(tree, "rows")) record.rows.push_back(TRY(row_from_tree(each)));
  return record;
}

}  // namespace haagent::timeline
