#include "agent/bundle/cluster.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <thread>

#include "agent/base/json.h"
#include "agent/base/node_name.h"
#include "agent/base/one_line.h"
#include "agent/bundle/last_net.h"
#include "agent/bundle/output.h"

namespace haagent::bundle {
namespace {

constexpr Duration kConnects{5'000};
constexpr std::size_t kArchive = 9u << 20u;    // an agent hands over 8 MiB at most
constexpr std::size_t kUnpacked = 64u << 20u;  // and makes it of 16 MiB; tar adds to that

Result<std::vector<ArchivedFile>> ask_for_bundle(std::string const& address, Http& http,
                                                 HttpTls const& tls, Duration timeout,
                                                 std::stop_token stop) {
  auto request = request_to_agent(address, "/v1/support-bundle", &tls, timeout);
  request.connect_timeout = std::min(kConnects, timeout);
  request.max_body = kArchive;
  auto response = TRY(http.send(request, std::move(stop)));
  if (response.status == 404)
    return fail(Kind::invalid, "its haagent is older and hands over no support bundle");
  if (response.status != 200)
    return fail(Kind::transient, "its agent answers {}: {}", response.status,
                one_line(response.body, 300));
  auto files = read_archive(response.body, kUnpacked);
  if (!files) return fail(files.error(), "reading its archive");
  return files;
}

void give_folders(std::vector<NodePart>& parts) {
  std::map<std::string, int> taken;
  for (auto& part : parts) {
    auto name = as_part(part.node);
    if (name.empty()) name = as_part(part.instance_id);
    if (name.empty() || name.starts_with('.')) name = "node";
    auto const count = ++taken[name];
    part.node = count == 1 ? name : fmt::format("{}-{}", name, count);
  }
}

std::string nodes_json(std::vector<NodePart> const& parts, std::string const& note,
                       About const& about) {
  auto tree = Tree::map({{"haagent", about.haagent},
                         {"cluster", about.cluster},
                         {"created", to_rfc3339(about.made)}});
  if (!note.empty()) tree["notes"] = Tree::list({Tree(note)});
  auto& nodes = tree["nodes"] = Tree::list();
  for (auto const& part : parts) {
    auto row = Tree::map({{"node", part.node},
                          {"instanceId", part.instance_id},
                          {"zone", part.zone},
                          {"address", part.address},
                          {"role", part.master ? "master" : "worker"},
                          {"milliseconds", std::int64_t{part.took.count()}},
                          {"files", static_cast<std::uint64_t>(part.files.size())}});
    if (!part.missing.empty()) row["missing"] = part.missing;
    nodes.push_back(std::move(row));
  }
  return json::print(tree, 2);
}

}  // namespace

std::vector<NodePart> ask_for_bundles(ClusterView const& view, std::string const& own_address,
                                      Http& http, HttpTls const& tls, Duration timeout,
                                      std::stop_token stop) {
  std::vector<NodePart> parts;
  for (auto const& node : view.nodes) {
    if (node.address == own_address) continue;
    auto name = node.instance_id.empty() ? node.address : node.instance_id;
    if (node.proves() && node.report->identity && !node.report->identity->hostname.empty())
      name = first_label(node.report->identity->hostname);
    parts.push_back({.node = std::move(name),
                     .instance_id = node.instance_id,
                     .zone = node.zone,
                     .address = node.address,
                     .master = node.master});
  }
  SystemClock const clock;
  std::vector<std::jthread> threads;
  for (auto& part : parts) {
    if (!part.master) {
      part.missing = "masters alone hand over a support bundle: run the command on this node";
      continue;
    }
    if (part.address.empty()) {
      part.missing = "it has no address";
      continue;
    }
    threads.emplace_back([&] {
      auto const began = clock.steady();
      auto files = ask_for_bundle(part.address, http, tls, timeout, stop);
      part.took = std::chrono::duration_cast<Duration>(clock.steady() - began);
      if (files) {
        part.files = *std::move(files);
      } else {
        part.missing = files.error().message.text;
      }
    });
  }
  threads.clear();
  return parts;
}

// What another node has redacted is let through; the last net is below it all the same, since that
// node may run an older haagent.
std::vector<File> cluster_files(std::vector<NodePart> parts, std::string const& note,
                                About const& about) {
  give_folders(parts);
  Collected collected;
  collected.pieces.push_back({.path = "NODES.json",
                              .format = Format::own_json,
                              .how = "haagent support-bundle --cluster",
                              .bytes = nodes_json(parts, note, about)});
  for (auto const& part : parts) collected.learned.names.push_back(part.node);
  auto files = finished(std::move(collected), about);
  std::erase_if(files, [](File const& file) { return file.path != "NODES.json"; });
  for (auto& part : parts)
    for (auto& file : part.files)
      files.push_back({.path = part.node + "/" + file.path,
                       .how = "",
                       .missing = "",
                       .cut = false,
                       .bytes = last_net(std::move(file.bytes))});
  return files;
}

bool is_whole(std::vector<NodePart> const& parts) {
  return std::ranges::all_of(
      parts, [](NodePart const& part) { return !part.master || part.missing.empty(); });
}

}  // namespace haagent::bundle
