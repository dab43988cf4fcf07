#include "agent/config/user_data.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <array>
#include <optional>

#include "agent/base/base64.h"
#include "agent/base/yaml.h"
#include "agent/config/gzip.h"
#include "agent/config/mime.h"
#include "agent/config/node_document.h"
#include "agent/config/text_lines.h"

namespace haagent {
namespace {

using mime::Entity;
using text::lower;
using text::shown;
using text::take_line;
using text::trim;

// User-data is 16 KiB at most; what unpacks to more than this is no config.
constexpr std::size_t kMaxUnpacked = 4u << 20u;
constexpr int kMaxDepth = 6;  // of messages, compressions and encodings in each other
constexpr int kMaxParts = 100;

constexpr auto kMakeMessage = "'cloud-init devel make-mime' writes whole messages";

bool is_archive(std::string_view text) {
  return lower(trim(text).substr(0, 21)) == "#cloud-config-archive";
}

// A character encoding that no reader of YAML in UTF-8 knows, by its mark or by its zero bytes.
std::optional<std::string> wide_encoding(std::string_view bytes) {
  using namespace std::string_view_literals;
  if (bytes.starts_with("\xff\xfe\0\0"sv) || bytes.starts_with("\0\0\xfe\xff"sv)) return "UTF-32";
  if (bytes.starts_with("\xff\xfe") || bytes.starts_with("\xfe\xff")) return "UTF-16";
  auto const head = bytes.substr(0, 64);
  if (head.size() < 4) return {};
  std::array<std::size_t, 2> zeros{};
  for (std::size_t i = 0; i < head.size(); ++i)
    if (head[i] == '\0') ++zeros[i % 2];
  auto const half = head.size() / 2;
  if ((zeros[0] == 0 && zeros[1] >= half) || (zeros[1] == 0 && zeros[0] >= half)) return "UTF-16";
  return {};
}

std::optional<std::string> foreign_compression(std::string_view bytes) {
  using namespace std::string_view_literals;
  constexpr std::array<std::pair<std::string_view, std::string_view>, 4> kMagic = {{
      {"\xfd"
       "7zXZ"sv,
       "xz"},
      {"\x28\xb5\x2f\xfd"sv, "zstd"},
      {"BZh"sv, "bzip2"},
      {"PK\x03\x04"sv, "zip"},
  }};
  for (auto const& [magic, name] : kMagic)
    if (bytes.starts_with(magic)) return std::string(name);
  return {};
}

// Types that cloud-init handles; what they hold is its own.
bool is_cloud_inits(std::string_view type) {
  constexpr std::array<std::string_view, 13> kTypes = {"text/cloud-config",
                                                       "text/cloud-config-archive",
                                                       "text/cloud-config-jsonp",
                                                       "text/cloud-boothook",
                                                       "text/jinja2",
                                                       "text/part-handler",
                                                       "text/upstart-job",
                                                       "text/x-include-url",
                                                       "text/x-include-once-url",
                                                       "text/x-shellscript",
                                                       "text/x-shellscript-per-boot",
                                                       "text/x-shellscript-per-instance",
                                                       "text/x-shellscript-per-once"};
  return std::ranges::find(kTypes, type) != kTypes.end();
}

// A message, once what stands in front of it is taken off.
struct Unwrapped {
  std::string text;
  std::vector<Problem> warnings;
};

std::optional<Unwrapped> message_in(std::string_view bytes) {
  auto rest = bytes;
  // Python's email package and mail programs put it in front of the headers.
  if (rest.starts_with("From ")) take_line(rest);
  if (mime::is_message(rest)) return Unwrapped{std::string(rest), {}};
  Unwrapped found;
  bool blank = false;
  for (auto behind = rest; !rest.empty() && trim(take_line(behind)).empty(); rest = behind)
    blank = true;
  auto const indent = text::common_indent(rest);
  found.text = indent.empty() ? std::string(rest) : text::dedented(rest, indent.size());
  if (!mime::is_message(found.text)) return {};
  if (blank) {
    found.warnings.push_back({"is a MIME message behind a blank line; that is taken off here",
                              "begin with the headers: cloud-init does not take it for a message",
                              Severity::warning});
  }
  if (!indent.empty()) {
    found.warnings.push_back(
        {fmt::format("is a MIME message that is indented by {} characters; that is taken off here",
                     indent.size()),
         "in Terraform write '<<-EOF' instead of '<<EOF': cloud-init does not take it for a "
         "message",
         Severity::warning});
  }
  return found;
}

// What is wrong with a text that was meant as a message; nothing where it was not.
std::optional<Problem> broken_message(std::string_view bytes) {
  auto text = text::normalised(bytes);
  if (auto const indent = text::common_indent(text); !indent.empty())
    text = text::dedented(text, indent.size());
  std::string_view rest = text;
  auto line = std::string_view();
  bool comment = false;
  for (auto behind = rest; !rest.empty(); rest = behind) {
    line = trim(take_line(behind));
    if (!line.empty() && !line.starts_with('#')) break;
    comment = comment || !line.empty();
  }
  if (comment && mime::is_message(rest) &&
      !mime::split_entity(rest).headers.contains("apiversion")) {
    return Problem{"is a MIME message behind other lines",
                   fmt::format("begin with its line '{}'", shown(line)), Severity::error};
  }
  // A boundary, and a part's headers behind it.
  auto behind = rest;
  take_line(behind);
  if (line.starts_with("--") && line.size() > 2 && line != "---" && mime::is_message(behind)) {
    return Problem{
        fmt::format("is a MIME message without its headers (it begins with '{}')", shown(line)),
        fmt::format("begin with 'Content-Type: multipart/mixed; boundary=\"{}\"', "
                    "'MIME-Version: 1.0' and a blank line",
                    shown(line.substr(2))),
        Severity::error};
  }
  return {};
}

class Reader {
 public:
  Reader(std::string_view name, bool file) : name_(name), file_(file) {}

  // Bytes of which nothing is known: all of user-data, or a part that says it is compressed.
  void any(std::string_view bytes, std::string const& name, int depth) {
    if (depth > kMaxDepth) return too_deep(name);
    if (is_gzip(bytes)) {
      if (auto unpacked = unpack(bytes, name)) any(*unpacked, name, depth + 1);
      return;
    }
    if (!is_text(bytes, name)) return;
    if (bytes.starts_with("\xef\xbb\xbf")) bytes.remove_prefix(3);
    if (auto message = message_in(bytes)) {
      warn(name, std::move(message->warnings));
      return entity(mime::split_entity(message->text), name, depth + 1);
    }
    if (auto broken = broken_message(bytes)) return fail(name, *std::move(broken));
    if (is_archive(bytes)) return archive(bytes, name, depth + 1);
    if (auto decoded = decoded_base64(bytes, depth)) {
      warn(name, {{"is base64-encoded once more than EC2 decodes; that is decoded here",
                   "hand it over without base64encode(): cloud-init does not decode it",
                   Severity::warning}});
      return any(*decoded, name, depth + 1);
    }
    if (is_damaged_base64(bytes)) {
      return fail(name, {"looks like base64 of a configuration, and is cut off or damaged",
                         "hand it over whole, and without base64encode()", Severity::error});
    }
    bare(bytes, name);
  }

  UserData take(std::string_view bytes) {
    auto const errors = std::ranges::any_of(
        data_.problems, [](auto const& each) { return each.severity == Severity::error; });
    if (bare_ && !errors && bytes.size() == kUserDataLimit &&
        !data_.documents.back().text.ends_with('\n')) {
      fail(name_, {fmt::format("has exactly the {} bytes that EC2 takes, and ends within a line: "
                               "cut off?",
                               kUserDataLimit),
                   "compress it with gzip, or end it with a line break", Severity::error});
    }
    if (!data_.documents.empty() || errors) return std::move(data_);
    if (!types_.empty()) {
      data_.note = fmt::format("{} is a MIME message of {}, with no part of type {}", name_,
                               fmt::join(types_, ", "), kUserDataType);
    } else if (!found_.empty()) {
      data_.note = fmt::format("{} is {}", name_, found_.front());
    } else if (!trim(bytes).empty()) {
      data_.note = fmt::format("{} holds nothing, once it is unpacked", name_);
    }
    return std::move(data_);
  }

 private:
  void fail(std::string const& name, Problem problem) {
    problem.message = fmt::format("{} {}", name, problem.message);
    data_.problems.push_back(std::move(problem));
  }
  void warn(std::string const& name, std::vector<Problem> warnings) {
    for (auto& each : warnings) fail(name, std::move(each));
  }
  void too_deep(std::string const& name) {
    fail(name, {"is nested too deeply", "one message, one compression and one encoding are enough",
                Severity::error});
  }
  void pass_over(std::string const& name, std::string what) {
    data_.passed_over.push_back({fmt::format("{} {}", name, what),
                                 fmt::format("a part for haagent has the type {}", kUserDataType),
                                 Severity::warning});
  }

  std::optional<std::string> unpack(std::string_view bytes, std::string const& name) {
    auto unpacked = gunzip(bytes, budget_);
    if (!unpacked) {
      fail(name, {fmt::format("is compressed, and cannot be unpacked: {}",
                              unpacked.error().message.sentence()),
                  "make it again with gzip", Severity::error});
      return {};
    }
    budget_ -= unpacked->size();
    whole_ = true;
    return *std::move(unpacked);
  }

  bool is_text(std::string_view bytes, std::string const& name) {
    if (auto wide = wide_encoding(bytes)) {
      fail(name, {fmt::format("is {}, as PowerShell and Windows' editors write it", *wide),
                  "save it as UTF-8", Severity::error});
      return false;
    }
    if (auto other = foreign_compression(bytes)) {
      fail(name, {fmt::format("is compressed with {}; gzip alone is read", *other),
                  "compress it with gzip", Severity::error});
      return false;
    }
    return true;
  }

  // Any word of the right length is base64: it counts where sense comes out.
  static std::optional<std::string> decoded_base64(std::string_view bytes, int depth) {
    auto decoded = from_wrapped_base64(bytes);
    if (!decoded || !makes_sense(*decoded, depth + 1)) return {};
    return decoded;
  }
  static bool makes_sense(std::string_view bytes, int depth) {
    if (depth > kMaxDepth) return false;
    if (is_gzip(bytes) || message_in(bytes) || decoded_base64(bytes, depth)) return true;
    auto const document = read_node_document(bytes);
    return document.is != NodeDocument::Is::nothing && !document.unknown &&
           document.what != "binary data";
  }

  // Lines that begin as base64, and decode to what a configuration begins with.
  static bool is_damaged_base64(std::string_view bytes) {
    std::string whole;
    for (char c : trim(bytes)) {
      if (c == '\n' || c == '\r') continue;
      if (!std::isalnum(static_cast<unsigned char>(c)) && c != '+' && c != '/') break;
      whole += c;
    }
    whole.resize(whole.size() / 4 * 4);
    if (whole.size() < 24) return false;
    auto const decoded = from_wrapped_base64(whole).value_or("");
    if (is_gzip(decoded)) return true;
    auto const low = lower(trim(decoded));
    for (auto const* begin : {"#cloud-config", "#!/", "content-type:", "mime-version:"})
      if (low.starts_with(begin)) return true;
    return low.contains("apiversion:") || low.contains("\"apiversion\"");
  }

  void bare(std::string_view bytes, std::string const& name) {
    auto document = read_node_document(bytes);
    switch (document.is) {
      case NodeDocument::Is::nothing:
        if (file_) keep(name, text::normalised(bytes), {});
        if (!trim(bytes).empty()) found_.emplace_back("nothing but comments");
        return;
      case NodeDocument::Is::ours:
        bare_ = !whole_;
        return keep(name, std::move(document.text), std::move(document.warnings));
      case NodeDocument::Is::for_others:
        return found_.push_back(std::move(document.what));
      case NodeDocument::Is::not_understood:
        if (file_ && document.unknown) return keep(name, text::normalised(bytes), {});
        return fail(name, {fmt::format("is {}", document.what), std::move(document.advice),
                           Severity::error});
    }
  }

  void keep(std::string const& name, std::string text, std::vector<Problem> warnings) {
    warn(name, std::move(warnings));
    data_.documents.push_back({name, std::move(text)});
  }

  void entity(Entity const& entity, std::string const& name, int depth) {
    if (depth > kMaxDepth) return too_deep(name);
    // Keys of YAML look like headers: those of a NodeConfig are lost among them.
    if (entity.headers.contains("apiversion")) {
      return fail(name, {"has a NodeConfig among its headers, where it is not read",
                         "put a blank line below the headers, and a NodeConfig into a part of its "
                         "own",
                         Severity::error});
    }
    auto type = entity.type();
    return type.starts_with("multipart/") ? multipart(entity, depth) : leaf(entity, name, depth);
  }

  void multipart(Entity const& entity, int depth) {
    auto boundary = entity.parameter("boundary");
    if (boundary.empty()) {
      return fail(name_, {fmt::format("is {} but names no boundary: Content-Type is '{}'",
                                      entity.type(), shown(entity.header("content-type"))),
                          "say boundary=\"...\" behind the type: the line between its parts, "
                          "without its two dashes in front",
                          Severity::error});
    }
    auto const delimiter = "--" + boundary;
    auto rest = entity.body;
    std::string_view open;  // where the part that is being read began
    bool inside = false;
    int parts = 0;
    std::string similar;  // a line that might have been meant as the boundary
    while (!rest.empty()) {
      auto const here = rest;
      auto line = take_line(rest);
      auto bare = line.substr(0, line.find_last_not_of(" \t") + 1);
      bool closes = bare == delimiter + "--";
      if (bare != delimiter && !closes) {
        if (similar.empty() && line.size() > 2 && line.starts_with("--") && line != "---") {
          similar = shown(line);
        }
        continue;
      }
      if (!inside) outside(entity.body.substr(0, entity.body.size() - here.size()));
      if (inside) {
        // The line end in front of a delimiter belongs to the delimiter.
        auto part = open.substr(0, open.size() - here.size());
        if (part.ends_with('\n')) part.remove_suffix(1);
        if (part.ends_with('\r')) part.remove_suffix(1);
        if (!one_part(part, depth)) return;
        ++parts;
      }
      if (closes) return outside(rest);
      inside = true;
      open = rest;
    }
    auto seen = similar.empty() ? "" : fmt::format("; there is a line '{}'", similar);
    if (!inside) {
      return fail(name_, {fmt::format("names the boundary '{}', but has no line '{}'{}",
                                      shown(boundary), shown(delimiter), seen),
                          kMakeMessage, Severity::error});
    }
    fail(name_, {fmt::format("ends without the line '{}--' that closes it, in part {}{}: cut off?",
                             shown(delimiter), parts + 1, seen),
                 fmt::format("EC2 takes {} bytes; compress it with gzip where it has more",
                             kUserDataLimit),
                 Severity::error});
  }

  // What stands in front of the first part, or behind the last: for people, and read by nobody.
  void outside(std::string_view text) {
    auto const document = read_node_document(text);
    if (document.is != NodeDocument::Is::ours && !document.hides_ours) return;
    fail(name_, {"is a MIME message with a NodeConfig outside its parts, where it is not read",
                 fmt::format("put it between two lines of the boundary, below the line "
                             "'Content-Type: {}' and a blank one",
                             kUserDataType),
                 Severity::error});
  }

  // False where no further part is to be read.
  bool one_part(std::string_view text, int depth) {
    auto part = mime::split_entity(text);
    if (part.type().starts_with("multipart/")) {
      entity(part, name_, depth + 1);
      return parts_ <= kMaxParts;
    }
    if (++parts_ > kMaxParts) {
      fail(name_, {fmt::format("has more than {} parts", kMaxParts), "", Severity::error});
      return false;
    }
    entity(part, fmt::format("{} part {}", name_, parts_), depth + 1);
    return true;
  }

  void leaf(Entity const& entity, std::string const& name, int depth) {
    auto type = entity.type();
    bool ours = type == kUserDataType;
    types_.push_back(type);
    auto encoding = lower(entity.header("content-transfer-encoding"));
    std::optional<std::string> bytes;
    if (encoding == "base64") {
      bytes = from_wrapped_base64(entity.body);
    } else if (encoding == "quoted-printable") {
      bytes = mime::from_quoted_printable(entity.body);
    } else if (encoding.empty() || encoding == "7bit" || encoding == "8bit" ||
               encoding == "binary") {
      bytes = std::string(entity.body);
    } else if (ours) {
      return fail(name, {fmt::format("has the encoding '{}'; base64, quoted-printable and 7bit "
                                     "are read",
                                     shown(encoding)),
                         kMakeMessage, Severity::error});
    }
    if (!bytes) {
      // Somebody else's part is somebody else's trouble.
      if (!ours) return pass_over(name, fmt::format("({}) cannot be decoded", shown(type)));
      return fail(name, {fmt::format("says that it is {}, and is not", encoding), kMakeMessage,
                         Severity::error});
    }
    if (!ours) return not_ours(*bytes, type, name, depth);
    auto charset = lower(entity.parameter("charset"));
    bool const ascii =
        std::ranges::all_of(*bytes, [](unsigned char c) { return c < 0x80 && c != 0; });
    if (!charset.empty() && charset != "utf-8" && charset != "utf8" && charset != "us-ascii" &&
        (!ascii || charset.starts_with("utf-"))) {
      return fail(name, {fmt::format("has the charset '{}'; UTF-8 is read", shown(charset)),
                         "save it as UTF-8", Severity::error});
    }
    ours_typed(*bytes, entity, name, depth);
  }

  // A part that says it is for haagent.
  void ours_typed(std::string_view bytes, Entity const& entity, std::string const& name,
                  int depth) {
    if (depth > kMaxDepth) return too_deep(name);
    if (is_gzip(bytes)) {
      if (auto unpacked = unpack(bytes, name)) ours_typed(*unpacked, entity, name, depth + 1);
      return;
    }
    if (!is_text(bytes, name)) return;
    if (auto decoded = decoded_base64(bytes, depth)) {
      warn(name, {{"is base64 and does not say so; that is decoded here",
                   "say 'Content-Transfer-Encoding: base64' in its headers", Severity::warning}});
      return ours_typed(*decoded, entity, name, depth + 1);
    }
    auto document = read_node_document(bytes);
    switch (document.is) {
      case NodeDocument::Is::nothing:
        return fail(name,
                    entity.headers.contains("role") || entity.headers.contains("cluster")
                        ? Problem{"has no blank line between its headers and its text",
                                  "put one below its Content-Type", Severity::error}
                        : Problem{fmt::format("is empty, though its type is {}", kUserDataType),
                                  "look at the template that it comes from, or leave the "
                                  "part out",
                                  Severity::error});
      case NodeDocument::Is::ours:
        return keep(name, std::move(document.text), std::move(document.warnings));
      case NodeDocument::Is::for_others:
        return fail(name,
                    {fmt::format("is {}, though its type is {}", document.what, kUserDataType),
                     "give it the type of what it is", Severity::error});
      case NodeDocument::Is::not_understood:
        // The schema says more about a map that is meant for haagent and has none of its keys.
        if (document.unknown) return keep(name, text::normalised(bytes), {});
        return fail(name, {fmt::format("is {}", document.what), std::move(document.advice),
                           Severity::error});
    }
  }

  void not_ours(std::string const& bytes, std::string const& type, std::string const& name,
                int depth) {
    // cloud-init looks into parts that are compressed as well.
    bool const packed = type == "application/gzip" || type == "application/x-gzip";
    if (packed && is_gzip(bytes)) {
      types_.pop_back();
      return any(bytes, name, depth + 1);
    }
    auto text = bytes;
    if (is_gzip(bytes)) {
      auto unpacked = unpack(bytes, name);
      if (!unpacked) return;
      text = *std::move(unpacked);
    }
    if (type == "text/cloud-config-archive" || is_archive(text))
      return archive(text, name, depth + 1);
    auto const wrong_type = [&] {
      fail(name, {fmt::format("is a haagent document, but says Content-Type: {}", shown(type)),
                  fmt::format("say {}", kUserDataType), Severity::error});
    };
    if (type.contains("haagent")) return wrong_type();
    auto document = read_node_document(text);
    // Passed over in silence, the node would boot with a config that nobody meant.
    if (document.is == NodeDocument::Is::ours) {
      auto parsed = yaml::parse(document.text);
      if (!parsed || is_surely_ours(*parsed)) return wrong_type();
    }
    if (document.is == NodeDocument::Is::not_understood && document.hides_ours) {
      return fail(
          name, {fmt::format("is {}", document.what), std::move(document.advice), Severity::error});
    }
    if (is_cloud_inits(type) || document.is == NodeDocument::Is::for_others ||
        document.is == NodeDocument::Is::nothing)
      return;
    pass_over(name, fmt::format("({}) is not for haagent, nor for cloud-init", shown(type)));
  }

  // A YAML list of parts, each with its type and content, as cloud-init reads it.
  void archive(std::string_view text, std::string const& name, int depth) {
    if (depth > kMaxDepth) return too_deep(name);
    auto list = yaml::parse(text::normalised(text));
    if (!list || !list->is_list()) {
      return fail(name, {fmt::format("is a #cloud-config-archive, and {}",
                                     list ? "no list" : list.error().what),
                         "cloud-init reads it neither", Severity::error});
    }
    for (auto const& item : list->items()) {
      if (++parts_ > kMaxParts) {
        return fail(name_, {fmt::format("has more than {} parts", kMaxParts), "", Severity::error});
      }
      auto const part = fmt::format("{} part {}", name_, parts_);
      auto const content = item.is_map() ? item.text_at("content") : item.text();
      Entity entity;
      entity.headers["content-type"] = item.is_map() ? item.text_at("type") : "";
      entity.body = content;
      leaf(entity, part, depth + 1);
    }
  }

  std::string name_;
  bool file_;
  UserData data_;
  std::size_t budget_ = kMaxUnpacked;
  int parts_ = 0;
  bool whole_ = false;              // gzip has a checksum: what came out of it is not cut off
  bool bare_ = false;               // a document stands there alone
  std::vector<std::string> types_;  // of the leaves, in order
  std::vector<std::string> found_;
};

}  // namespace

UserData read_user_data(std::string_view bytes, std::string_view name, bool file) {
  Reader reader(name, file);
  reader.any(bytes, std::string(name), 0);
  return reader.take(bytes);
}

}  // namespace haagent
