#include "bootstrap/kube/record.h"

#include "agent/base/json.h"

namespace haagent::bootstrap::kube {

Result<Record> read_record(Root const& root) {
  auto path = root(kRecord);
  auto bytes = read_file(path);
  if (!bytes) return std::unexpected(bytes.error());
  Record record;
  if (!*bytes) return record;
  auto tree = json::parse(**bytes);
  auto const* files = tree ? tree->find("files") : nullptr;
  if (!files || !files->is_map()) {
    return fail(
        Kind::invalid,
        "{} is no record of written files: {}. Remove it: haagent then leaves alone what it "
        "wrote before and no longer needs",
        path.string(), tree ? "it has no map 'files'" : tree.error().what);
  }
  for (auto const& entry : files->entries()) record[entry.key] = entry.value.text();
  return record;
}

Result<void> write_record(Root const& root, Record const& record) {
  auto files = Tree::map();
  for (auto const& [path, hash] : record) files.set(path, hash);
  auto path = root(kRecord);
  if (auto made = make_directories(path.parent_path(), 0755); !made) return made;
  auto written = replace_file_if_changed(
      path, json::print(Tree::map({{"schema", 1}, {"files", files}}), 2), {0644, {}, {}});
  if (!written) return std::unexpected(written.error());
  return {};
}

}  // namespace haagent::bootstrap::kube
