#include "agent/commands/timeline.h"

#include <algorithm>
#include <iostream>
#include <thread>

#include "agent/base/critical_path.h"
#include "agent/base/json.h"
#include "agent/boot/collaborators.h"
#include "agent/commands/ask_cluster.h"
#include "agent/runtime/exit_codes.h"
#include "agent/runtime/signals.h"
#include "agent/timeline/boot_history.h"
#include "agent/timeline/svg.h"
#include "agent/timeline/text.h"
#include "bootstrap/pki/leaves.h"

namespace haagent {
namespace {

using namespace timeline;

int refuse(Error const& error) {
  std::cerr << in_full(error);
  return error.kind == Kind::invalid ? kExitUsage : kExitFailed;
}

Result<void> write_out(std::string const& file, std::string const& text) {
  if (file == "-") {
    std::cout << text << std::flush;
    return {};
  }
  return replace_file(std::filesystem::absolute(file), text);
}

std::string list_of(std::vector<BootRecord> const& boots) {
  auto page = fmt::format("{:>4}  {:<20}  {:<9} {:>10}  {}\n", "BOOT", "BEGAN", "ID", "TOOK", "");
  for (std::size_t i = 0; i < boots.size(); ++i) {
    auto const& each = boots[i];
    auto const took = short_time(end_of(each) - begin_of(each));
    page += printable(fmt::format("{:>4}  {:<20}  {:<9} {:>10}  {}", i,
                                  to_rfc3339(each.kernel_started + begin_of(each)),
                                  each.boot_id.substr(0, 8), took, each.ready ? "" : "not ready")) +
            "\n";
  }
  return page;
}

// The picture in each form that was asked for; the text where none was.
int show(TimelineOptions const& options, Picture const& picture, Tree const& tree) {
  for (auto const& [file, text] :
       {std::pair{options.svg, &svg_of}, std::pair{options.html, &html_of}}) {
    if (file.empty()) continue;
    if (auto written = write_out(file, text(picture)); !written) return refuse(written.error());
  }
  if (options.form != OutputFormat::text) {
    std::cout << print_tree(tree, options.form);
  } else if (options.svg.empty() && options.html.empty()) {
    auto const terminal = standard_output();
    std::cout << text_of(picture, {.width = terminal.width,
                                   .colour = terminal.colour,
                                   .all = options.all || terminal.height == 0});
  }
  return kExitOk;
}

// What is derived, beside the record itself.
Tree tree_of(BootRecord const& record, Picture const& picture) {
  auto tree = to_tree(record);
  auto& path = tree["criticalPath"] = Tree::list();
  for (auto const& each : critical_path(record.rows)) path.push_back(each);
  auto& slack = tree["slack"] = Tree::map();
  for (auto const& lane : picture.lanes)
    if (lane.slack) slack[lane.name] = static_cast<std::int64_t>(lane.slack->count());
  tree["took"] = static_cast<std::int64_t>(picture.took().count());
  return tree;
}

int one_boot(TimelineOptions const& options) {
  auto history = read_history(options.root);
  if (!history) return refuse(history.error());
  for (auto const& each : history->unreadable) std::cerr << "haagent: " << printable(each) << '\n';
  auto const& boots = history->boots;
  if (boots.empty()) {
    std::cerr << "haagent: no boot is on record yet: the agent writes one as it boots this node "
                 "('systemctl status haagent')\n";
    return kExitFailed;
  }
  if (options.list) {
    std::cout << list_of(boots);
    return kExitOk;
  }
  auto const record = find_boot(boots, options.boot);
  if (!record) return refuse(record.error());
  std::optional<BootRecord> other;
  if (!options.compare.empty()) {
    auto found = find_boot(boots, options.compare);
    if (!found) return refuse(found.error());
    other = *std::move(found);
  } else {
    auto const place = std::ranges::find(boots, record->boot_id, &BootRecord::boot_id);
    if (place != boots.end() && place + 1 != boots.end()) other = *(place + 1);
  }
  auto const picture = picture_of(*record, other ? &*other : nullptr);
  if (!options.compare.empty() && options.form == OutputFormat::text && options.svg.empty() &&
      options.html.empty()) {
    std::cout << comparison_of(*record, *other, {.all = options.all});
    return kExitOk;
  }
  return show(options, picture, tree_of(*record, picture));
}

int whole_cluster(TimelineOptions const& options) {
  Signals signals;
  auto const own = read_status(options.root);
  if (!own) return refuse(own.error());
  if (!*own) {
    std::cerr << "haagent: the agent has not started on this machine since it booted, and without "
                 "its status the other nodes are not known\n";
    return kExitFailed;
  }
  Collaborators machine(options.root, options.config);
  auto const view = ask_cluster(machine, options.root, options.config, **own, signals.token());
  if (!view.note.empty()) std::cerr << "haagent: " << printable(view.note) << '\n';
  auto const tls = bootstrap::pki::agent_tls(options.root);
  std::vector<Result<BootRecord>> answers(view.nodes.size(), fail(Kind::transient, "not asked"));
  {
    std::vector<std::jthread> threads;
    for (std::size_t i = 0; i < answers.size(); ++i)
      threads.emplace_back([&, i] {
        auto const& node = view.nodes[i];
        auto const page = ask_page(machine.http, node.address, "/v1/timeline",
                                   node.in_the_clear ? nullptr : &tls, kAnswers, signals.token());
        answers[i] = page ? record_from_tree(*page) : std::unexpected(page.error());
        if (!answers[i]) return;
        // What EC2 says of the node counts, whatever answers there.
        if (!node.instance_id.empty()) answers[i]->instance_id = node.instance_id;
        if (node.in_the_clear &&
            (answers[i]->role != "worker" || answers[i]->cluster != view.cluster))
          answers[i] = fail(Kind::denied, "what answers there in the clear is no worker of {}",
                            view.cluster);
      });
  }
  std::vector<BootRecord> records;
  for (std::size_t i = 0; i < answers.size(); ++i) {
    if (answers[i])
      records.push_back(*std::move(answers[i]));
    else
      std::cerr << "haagent: "
                << printable(fmt::format("{} ({}) is left out: {}", view.nodes[i].instance_id,
                                         view.nodes[i].address,
                                         answers[i].error().message.sentence()))
                << '\n';
  }
  auto tree = Tree::list();
  for (auto const& each : records) tree.push_back(to_tree(each));
  if (records.empty()) return kExitFailed;
  return show(options, cluster_picture(records), tree);
}

}  // namespace

int run_timeline(TimelineOptions const& options) {
  return options.cluster ? whole_cluster(options) : one_boot(options);
}

}  // namespace haagent
