#include "agent/bundle/output.h"

#include <fmt/format.h>
#include <unistd.h>

#include "agent/base/new_file.h"
#include "agent/bundle/archive.h"
#include "agent/bundle/characters.h"

namespace haagent::bundle {
namespace {

Result<void> write_archive(std::vector<File> const& files, std::string const& folder, UtcTime made,
                           Archive::Sink sink) {
  Archive archive(std::move(sink));
  for (auto const& file : files) TRY(archive.add(folder + "/" + file.path, file.bytes, made));
  return archive.finish();
}

Result<void> write_out(std::string_view bytes) {
  while (!bytes.empty()) {
    auto const wrote = ::write(STDOUT_FILENO, bytes.data(), bytes.size());
    if (wrote < 0 && errno == EINTR) continue;
    if (wrote < 0) return fail_errno(errno, "writing to standard output");
    bytes.remove_prefix(static_cast<std::size_t>(wrote));
  }
  return {};
}

Result<Made> to_standard_output(std::vector<File> const& files, std::string const& folder,
                                UtcTime time) {
  Made made{.where = "standard output"};
  TRY(write_archive(files, folder, time, [&](std::string_view bytes) {
    made.size += bytes.size();
    return write_out(bytes);
  }));
  return made;
}

Result<Made> to_file(std::vector<File> const& files, std::string const& folder, UtcTime time,
                     std::string const& output) {
  std::filesystem::path target = output.empty() ? "." : output;
  std::error_code error;
  if (std::filesystem::is_directory(target, error)) target /= folder + ".tar.zst";
  Made made{.where = target.string()};
  auto write = [&]() -> Result<void> {
    auto file = TRY(NewFile::beside(target, 0600));
    TRY(write_archive(files, folder, time, [&](std::string_view bytes) {
      made.size += bytes.size();
      return file.append(bytes);
    }));
    return file.replace_target();
  };
  if (auto wrote = write(); !wrote)
    return std::unexpected(
        Error(wrote.error().kind, Message(wrote.error().message.reason,
                                          fmt::format("the bundle cannot be written to {}: {}",
                                                      made.where, wrote.error().message.text),
                                          "name another disk with -o FILE, or send it to standard "
                                          "output, which writes no file here: "
                                          "'haagent support-bundle -o -'")));
  return made;
}

}  // namespace

Result<Made> write_bundle(std::vector<File> const& files, std::string const& folder, UtcTime made,
                          std::string const& output) {
  return output == "-" ? to_standard_output(files, folder, made)
                       : to_file(files, folder, made, output);
}

std::string as_part(std::string text) {
  std::erase_if(text, [](char c) { return !is_alnum(c) && c != '.' && c != '-'; });
  return text.substr(0, 63);
}

std::string bundle_name(std::string const& cluster, std::string const& node, UtcTime made) {
  auto time = to_rfc3339(made);
  std::erase_if(time, [](char c) { return c == '-' || c == ':'; });
  std::string name = "haagent-";
  for (auto const& part : {as_part(cluster), as_part(node)})
    if (!part.empty()) name += part + "-";
  return name + time;
}

}  // namespace haagent::bundle
