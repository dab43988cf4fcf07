#include "agent/commands/etcd_import.h"

#include "agent/commands/session.h"
#include "agent/config/unpack.h"
#include "agent/runtime/exit_codes.h"
#include "bootstrap/etcd/backup/import.h"

namespace haagent {
namespace {

constexpr std::uint64_t kMostUnpacked = 64ull << 30u;  // bytes; etcd advises 8 GiB at the most

Result<bootstrap::Imported> import(Session& session, EtcdCommandOptions const& options,
                                   std::stop_token stop) {
  auto parts = TRY(session.backups(stop));
  TRY_DURING(session.agreed_time(stop), "nothing is imported");
  std::filesystem::path const path(options.file);
  bootstrap::ImportFile file{
      .path = path, .name = path.filename().string(), .skip_hash_check = options.skip_hash_check};
  auto const how = TRY(how_packed(path));
  std::optional<bootstrap::ScratchFolder> folder;
  if (how != Packed::no) {
    auto const size = TRY(unpacked_size(path, how));
    bootstrap::Backups const backups(options.cluster, parts);
    (void)bootstrap::drop_abandoned_scratch(backups.scratch_place(), options.cluster);
    auto made = TRY(backups.scratch("unpack", size));
    folder.emplace(std::move(made));
    file.path = folder->path() / "snapshot.db";
    TRY(unpack(path, how, file.path, kMostUnpacked, stop));
  }
  return bootstrap::import_snapshot(options.cluster, parts, file, std::move(stop));
}

}  // namespace

int run_etcd_import(EtcdCommandOptions const& options) {
  return at_the_desk(options, [&](Session& session, std::stop_token stop) -> Result<int> {
    auto imported = TRY(import(session, options, std::move(stop)));
    auto const& manifest = imported.manifest;
    print(options,
          fmt::format(
              "{} is in {}: revision {}, {} keys, {} of them below /registry/; read back, and etcd "
              "has served it on trial.{}\nIt is restored when it is named: '{}'\n",
              manifest.name, session.store->where(), manifest.revision,
              manifest.total_keys.value_or(0), imported.registry_keys,
              imported.hash_checked ? "" : " Nobody has checked its hash: --skip-hash-check.",
              bootstrap::etcd_command(options.cluster, "restore " + manifest.name)),
          Tree::map({{"schema", 1},
                     {"name", manifest.name},
                     {"etcd", to_string(options.cluster)},
                     {"revision", manifest.revision},
                     {"totalKeys", manifest.total_keys.value_or(0)},
                     {"registryKeys", imported.registry_keys},
                     {"hashChecked", imported.hash_checked},
                     {"etcdVersion", manifest.etcd_version},
                     {"size", manifest.size},
                     {"sha256", manifest.sha256}}));
    return kExitOk;
  });
}

}  // namespace haagent
