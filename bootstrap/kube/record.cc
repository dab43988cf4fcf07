#include "bootstrap/kube/record.h"

#include "agent/base/json.h"

namespace haagent::bootstrap::kube {

Result<Record> read_record(Root const& root) {
  auto path = root(kRecord);
  auto bytes = TRY(read_file(path));
  Record record;
  if (!bytes) return record;
  auto tree = json::parse(*bytes);
  auto const* files = tree ? tree->find("files") : nullptr;
  if (!files || !files->is_map()) {
    return fail(
        Kind::invalid,
        "{} is no record of written files: {}. Remove it: haagent then leaves alone what it "
        "wrote before and no longer needs",
        path.string(), tree ? "it has no map 'files'" : tree.error().message.sentence());
  }
  for (auto const& entry : files->entries()) record[entry.key] = entry.value.text();
  return record;
}

Result<void> write_record(Root const& root, Record const& record) {
  auto files = Tree::map();
  for (auto const& [path, hash] : record) files.set(path, hash);
  auto path = root(kRecord);
  TRY(make_directories(path.parent_path(), 0755));
  TRY(replace_file_if_changed(path, json::print(Tree::map({{"schema", 1}, {"files", files}}), 2),
                              {0644, {}, {}}));
  return {};
}

}  // namespace haagent::bootstrap::kube
