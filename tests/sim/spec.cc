#include "tests/sim/spec.h"

#include <algorithm>
#include <functional>
#include <initializer_list>
#include <set>

#include "agent/base/files.h"
#include "agent/base/yaml.h"
#include "tests/sim/durations.h"
#include "tests/sim/ids.h"

namespace haagent::sim {
namespace {

constexpr std::size_t kFileCap = 64u << 20u;

// Walks the tree and keeps a line for each thing that is wrong.
class Reader {
 public:
  Reader(std::string file, std::filesystem::path folder)
      : file_(std::move(file)), folder_(std::move(folder)) {}

  void problem(Mark mark, std::string const& path, std::string const& what) {
    problems_.push_back(
        path.empty() ? fmt::format("{}:{}:{}: {}", file_, mark.line, mark.column, what)
                     : fmt::format("{}:{}:{}: {}: {}", file_, mark.line, mark.column, path, what));
  }
  std::vector<std::string> const& problems() const { return problems_; }

  // Calls the function of each key; unknown keys and what is not a map are problems.
  using Field = std::function<void(Tree const&, std::string const& path)>;
  void map(Tree const& tree, std::string const& path,
           std::initializer_list<std::pair<std::string_view, Field>> fields) {
    if (!tree.is_map()) {
      problem(tree.mark(), path, "a map is expected here");
      return;
    }
    for (auto const& entry : tree.entries()) {
      auto const at = path.empty() ? entry.key : path + "." + entry.key;
      auto field = std::find_if(fields.begin(), fields.end(),
                                [&](auto const& each) { return each.first == entry.key; });
      if (field != fields.end()) {
        field->second(entry.value, at);
        continue;
      }
      std::string known;
      for (auto const& each : fields)
        known += (known.empty() ? "" : ", ") + std::string(each.first);
      problem(entry.key_mark, at, "there is no such key; known here: " + known);
    }
  }
  void list(Tree const& tree, std::string const& path, Field const& each) {
    if (!tree.is_list()) {
      problem(tree.mark(), path, "a list is expected here");
      return;
    }
    for (std::size_t i = 0; i < tree.items().size(); ++i) {
      each(tree.items()[i], fmt::format("{}[{}]", path, i));
    }
  }

  Field text(std::string& to) {
    return [this, &to](Tree const& tree, std::string const& path) {
      if (tree.is_scalar()) {
        to = tree.text();
      } else {
        problem(tree.mark(), path, "a text is expected here");
      }
    };
  }
  Field texts(std::vector<std::string>& to) {
    return [this, &to](Tree const& tree, std::string const& path) {
      list(tree, path,
           [&](Tree const& item, std::string const& at) { text(to.emplace_back())(item, at); });
    };
  }
  Field duration(Duration& to, bool may_be_negative = false) {
    return [this, &to, may_be_negative](Tree const& tree, std::string const& path) {
      auto const parsed = parse_duration(tree.text());
      if (!parsed) {
        problem(tree.mark(), path, parsed.error().message.text);
      } else if (*parsed < Duration(0) && !may_be_negative) {
        problem(tree.mark(), path, "must not be negative");
      } else {
        to = *parsed;
      }
    };
  }
  template <class Number>
  Field number(Number& to, std::int64_t least, std::int64_t most) {
    return [this, &to, least, most](Tree const& tree, std::string const& path) {
      auto const value = tree.as_integer();
      if (!value || *value < least || *value > most) {
        problem(tree.mark(), path,
                fmt::format("a whole number from {} to {} is expected here", least, most));
      } else {
        to = static_cast<Number>(*value);
      }
    };
  }
  Field boolean(bool& to) {
    return [this, &to](Tree const& tree, std::string const& path) {
      if (auto const value = tree.as_boolean()) {
        to = *value;
      } else {
        problem(tree.mark(), path, "true or false is expected here");
      }
    };
  }
  Field tags(Tags& to) {
    return [this, &to](Tree const& tree, std::string const& path) {
      if (!tree.is_map()) {
        problem(tree.mark(), path, "a map of tags is expected here");
        return;
      }
      for (auto const& entry : tree.entries()) {
        if (entry.value.is_scalar() || entry.value.is_null()) {
          to[entry.key] = entry.value.text();
        } else {
          problem(entry.value.mark(), path + "." + entry.key, "a tag's value is a text");
        }
      }
    };
  }
  // Path inside to a file outside, or {content: ...}.
  Field files(std::vector<std::pair<std::string, std::string>>& to) {
    return [this, &to](Tree const& tree, std::string const& path) {
      if (!tree.is_map()) {
        problem(tree.mark(), path, "a map of paths is expected here");
        return;
      }
      for (auto const& entry : tree.entries()) {
        auto const at = path + "." + entry.key;
        if (!entry.key.starts_with('/')) {
          problem(entry.key_mark, at, "the path inside must start with '/'");
          continue;
        }
        std::string content;
        if (entry.value.is_map()) {
          map(entry.value, at, {{"content", text(content)}});
        } else {
          content = read(entry.value, at).value_or("");
        }
        to.emplace_back(entry.key, std::move(content));
      }
    };
  }
  std::filesystem::path outside(std::string const& path) const {
    return std::filesystem::path(path).is_absolute() ? std::filesystem::path(path) : folder_ / path;
  }
  std::optional<std::string> read(Tree const& tree, std::string const& path) {
    auto const from = outside(tree.text());
    auto const bytes = read_file(from, kFileCap);
    if (!bytes) {
      problem(tree.mark(), path, bytes.error().message.text);
    } else if (!*bytes) {
      problem(tree.mark(), path, fmt::format("there is no file {}", from.string()));
    } else {
      return **bytes;
    }
    return std::nullopt;
  }

 private:
  std::string file_;
  std::filesystem::path folder_;
  std::vector<std::string> problems_;
};

class SpecReader {
 public:
  SpecReader(std::string const& file, std::filesystem::path const& folder)
      : reader_(file, folder) {}

  Result<Spec> read(Tree const& tree) {
    auto& region = spec_.region;
    reader_.map(tree, "",
                {{"region", reader_.text(region.region)},
                 {"account", reader_.text(region.account)},
                 {"dhcp-domain", reader_.text(region.dhcp_domain)},
                 {"seed",
                  [this](auto& t, auto& p) {
                    reader_.number(spec_.region.seed.emplace(), 0, INT64_MAX)(t, p);
                  }},
                 {"attachment-limit", reader_.number(region.attachment_limit, 1, 128)},
                 {"web-identity", reader_.boolean(region.web_identity)},
                 {"zones", each([this](auto& t, auto& p) { zone(t, p); })},
                 {"volumes", each([this](auto& t, auto& p) { volume(t, p); })},
                 {"groups", each([this](auto& t, auto& p) { group(t, p); })},
                 {"buckets", each([this](auto& t, auto& p) { bucket(t, p); })},
                 {"policies", [this](auto& t, auto& p) { policies(t, p); }},
                 {"delays", [this](auto& t, auto& p) { delays(t, p); }},
                 {"operators", each([this](auto& t, auto& p) { operator_key(t, p); })},
                 {"image", [this](auto& t, auto& p) { image(t, p); }},
                 {"load-balancer", [this](auto& t, auto& p) { load_balancer(t, p); }}});
    if (spec_.region.zones.empty() && reader_.problems().empty()) {
      reader_.problem(
          tree.mark(), "zones",
          "at least one zone is needed: zones: [{name: eu-west-1a, gateway: 10.0.0.1}]");
    }
    for (auto const& check : later_) check();
    if (!reader_.problems().empty()) {
      return fail(Kind::invalid, "{}", fmt::join(reader_.problems(), "\n"));
    }
    if (spec_.region.operators.empty()) {
      spec_.region.operators.push_back({"AKIAHAAGENTSIM000000", "haagent-sim-secret"});
    }
    return std::move(spec_);
  }

 private:
  Reader::Field each(Reader::Field one) {
    return [this, one = std::move(one)](Tree const& tree, std::string const& path) {
      reader_.list(tree, path, one);
    };
  }
  void need(Tree const& tree, std::string const& path, std::string_view key) {
    if (tree.is_map() && !tree.find(key)) {
      reader_.problem(tree.mark(), path, fmt::format("'{}' is missing", key));
    }
  }
  // Zones may stand behind what names them.
  void check_zone(Tree const& tree, std::string const& path, std::string const& name) {
    later_.push_back([this, mark = tree.mark(), path, name] {
      auto const& zones = spec_.region.zones;
      if (std::none_of(zones.begin(), zones.end(), [&](auto& z) { return z.name == name; })) {
        reader_.problem(mark, path, fmt::format("there is no zone '{}' in zones", name));
      }
    });
  }

  void zone(Tree const& tree, std::string const& path) {
    ZoneSpec zone;
    reader_.map(tree, path,
                {{"name", reader_.text(zone.name)}, {"gateway", reader_.text(zone.gateway)}});
    need(tree, path, "name");
    need(tree, path, "gateway");
    if (auto const gateway = parse_ipv4(zone.gateway); tree.find("gateway") && !gateway) {
      reader_.problem(tree.find("gateway")->mark(), path + ".gateway",
                      gateway.error().message.text);
    } else if (gateway) {
      for (auto const& other : spec_.region.zones) {
        auto const theirs = parse_ipv4(other.gateway);
        if (theirs && subnet_of(*theirs) == subnet_of(*gateway)) {
          reader_.problem(tree.mark(), path,
                          fmt::format("shares its subnet, {}/{}, with {}",
                                      format_ipv4(subnet_of(*gateway)), kSubnetBits, other.name));
        }
      }
    }
    for (auto const& other : spec_.region.zones) {
      if (other.name == zone.name) {
        reader_.problem(tree.mark(), path, fmt::format("'{}' stands twice", zone.name));
      }
    }
    spec_.region.zones.push_back(std::move(zone));
  }

  void volume(Tree const& tree, std::string const& path) {
    VolumeSpec volume;
    reader_.map(tree, path,
                {{"name", reader_.text(volume.name)},
                 {"zone", reader_.text(volume.zone)},
                 {"size", reader_.number(volume.size_gib, 1, 16384)},
                 {"type", reader_.text(volume.type)},
                 {"multi-attach", reader_.boolean(volume.multi_attach)},
                 {"tags", reader_.tags(volume.tags)}});
    need(tree, path, "zone");
    if (tree.find("zone")) check_zone(*tree.find("zone"), path + ".zone", volume.zone);
    spec_.region.volumes.push_back(std::move(volume));
  }

  void metadata(Tree const& tree, std::string const& path, MetadataOptions& to) {
    reader_.map(tree, path,
                {{"tokens",
                  [&](Tree const& value, std::string const& at) {
                    if (value.text() != "required" && value.text() != "optional") {
                      reader_.problem(value.mark(), at, "required or optional is expected here");
                    }
                    to.tokens_required = value.text() == "required";
                  }},
                 {"enabled", reader_.boolean(to.enabled)},
                 {"hop-limit", reader_.number(to.hop_limit, 1, 64)},
                 {"tags", reader_.boolean(to.tags)},
                 {"credentials-lifetime", reader_.duration(to.credentials_lifetime)}});
  }

  void machine(Tree const& tree, std::string const& path, LaunchTemplate& to) {
    auto& made = to.machine.emplace();
    std::string image;
    reader_.map(tree, path,
                {{"image", reader_.text(image)},
                 {"memory", reader_.number(made.memory, 128, 1 << 20)},
                 {"processors", reader_.number(made.processors, 1, 64)}});
    need(tree, path, "image");
    if (image.empty()) return;
    made.image = reader_.outside(image);
    for (auto const* file : {"root.img", "vmlinuz", "initrd.img"}) {
      std::error_code ignored;
      if (!std::filesystem::exists(made.image / file, ignored)) {
        reader_.problem(tree.find("image")->mark(), path + ".image",
                        fmt::format("there is no file {}", (made.image / file).string()));
      }
    }
  }

  void service(Tree const& tree, std::string const& path, LaunchTemplate& to) {
    ServiceSpec made;
    reader_.map(tree, path,
                {{"name", reader_.text(made.name)}, {"argv", reader_.texts(made.argv)}});
    need(tree, path, "name");
    need(tree, path, "argv");
    if (made.name.contains('/')) {
      reader_.problem(tree.mark(), path + ".name", "it is the name of a file in /var/log");
    }
    if (tree.find("argv") && made.argv.empty()) {
      reader_.problem(tree.mark(), path + ".argv", "no program is given");
    }
    to.services.push_back(std::move(made));
  }

  void group(Tree const& tree, std::string const& path) {
    Group group;
    std::optional<int> min, max, desired;
    std::optional<bool> balanced;
    auto& launch = group.launch;
    auto const count = [this](std::optional<int>& to) -> Reader::Field {
      return [this, &to](Tree const& t, std::string const& p) {
        reader_.number(to.emplace(), 0, 1000)(t, p);
      };
    };
    auto const hook = [this](std::optional<LifecycleHook>& into) -> Reader::Field {
      return [this, &into](Tree const& value, std::string const& at) {
        auto& made = into.emplace();
        reader_.map(
            value, at,
            {{"name", reader_.text(made.name)}, {"timeout", reader_.duration(made.timeout)}});
        need(value, at, "name");
      };
    };
    reader_.map(
        tree, path,
        {{"name", reader_.text(group.name)},
         {"zones", reader_.texts(group.zones)},
         {"min", count(min)},
         {"max", count(max)},
         {"desired", count(desired)},
         {"role", reader_.text(launch.role)},
         {"instance-type", reader_.text(launch.instance_type)},
         {"image-id", reader_.text(launch.image_id)},
         {"user-data",
          [&](Tree const& value, std::string const& at) {
            if (value.is_map()) {
              reader_.map(value, at, {{"content", reader_.text(launch.user_data.emplace())}});
            } else {
              launch.user_data = reader_.read(value, at);
            }
          }},
         {"files", reader_.files(launch.files)},
         {"argv", reader_.texts(launch.argv)},
         {"services", each([&](Tree const& t, std::string const& p) { service(t, p, launch); })},
         {"containers", reader_.boolean(launch.containers)},
         {"machine", [&](Tree const& t, std::string const& p) { machine(t, p, launch); }},
         {"tags", reader_.tags(launch.tags)},
         {"metadata",
          [&](Tree const& value, std::string const& at) { metadata(value, at, launch.metadata); }},
         {"load-balanced",
          [&](Tree const& t, std::string const& p) { reader_.boolean(balanced.emplace())(t, p); }},
         {"launching-hook", hook(group.launching)},
         {"terminating-hook", hook(group.terminating)}});
    need(tree, path, "name");
    need(tree, path, "zones");
    if (launch.machine && (!launch.files.empty() || !launch.argv.empty() ||
                           !launch.services.empty() || launch.containers)) {
      reader_.problem(tree.mark(), path,
                      "what runs in a machine is up to its image and user-data: 'files', 'argv', "
                      "'services' and 'containers' are for instances without one");
    }
    if (auto const* zones = tree.find("zones"); zones && zones->is_list()) {
      if (group.zones.empty()) reader_.problem(zones->mark(), path + ".zones", "no zone is given");
      for (std::size_t i = 0; i < std::min(zones->items().size(), group.zones.size()); ++i) {
        check_zone(zones->items()[i], fmt::format("{}.zones[{}]", path, i), group.zones[i]);
      }
    }
    group.desired = desired.value_or(min.value_or(1));
    group.min = min.value_or(std::min(group.desired, 1));
    group.max = max.value_or(std::max(group.desired, group.min));
    if (group.min > group.desired || group.desired > group.max) {
      reader_.problem(tree.mark(), path,
                      fmt::format("min {} <= desired {} <= max {} does not hold", group.min,
                                  group.desired, group.max));
    }
    group.balanced = balanced.value_or(launch.role == "master");
    if (launch.metadata.tags) {
      // EC2 refuses the launch: a key is a part of a path there.
      for (auto const& [key, _] : launch.tags) {
        if (!is_metadata_tag_key(key)) {
          reader_.problem(tree.mark(), path + ".tags",
                          fmt::format("'{}' cannot be a tag of an instance whose metadata shows "
                                      "tags; set metadata.tags: false",
                                      key));
        }
      }
    }
    for (auto const& other : spec_.region.groups) {
      if (other.name == group.name) {
        reader_.problem(tree.mark(), path, fmt::format("'{}' stands twice", group.name));
      }
    }
    spec_.region.groups.push_back(std::move(group));
  }

  void bucket(Tree const& tree, std::string const& path) {
    BucketSpec bucket;
    reader_.map(tree, path,
                {{"name", reader_.text(bucket.name)},
                 {"region", reader_.text(bucket.region)},
                 {"kms-key", reader_.text(bucket.kms_key)},
                 {"policy",
                  [&](Tree const& from, std::string const& at) {
                    if (auto read = policy(from, at, IamPolicy::parse_of_bucket))
                      bucket.policy = std::move(*read);
                  }},
                 {"demands-encryption", reader_.text(bucket.demands_encryption)}});
    need(tree, path, "name");
    for (auto const& other : spec_.region.buckets) {
      if (other.name == bucket.name) {
        reader_.problem(tree.mark(), path, fmt::format("'{}' stands twice", bucket.name));
      }
    }
    spec_.region.buckets.push_back(std::move(bucket));
  }

  // By role, each a file or {content: ...}.
  void policies(Tree const& tree, std::string const& path) {
    if (!tree.is_map()) {
      reader_.problem(tree.mark(), path, "a map of roles is expected here");
      return;
    }
    for (auto const& entry : tree.entries()) {
      if (auto read = policy(entry.value, path + "." + entry.key, IamPolicy::parse))
        spec_.region.policies.insert_or_assign(entry.key, std::move(*read));
    }
  }

  // A file or {content: ...}.
  std::optional<IamPolicy> policy(Tree const& tree, std::string const& path,
                                  Result<IamPolicy> (*parse)(std::string_view)) {
    std::optional<std::string> json;
    if (tree.is_map()) {
      reader_.map(tree, path, {{"content", reader_.text(json.emplace())}});
    } else {
      json = reader_.read(tree, path);
    }
    if (!json) return std::nullopt;
    auto read = parse(*json);
    if (read) return std::move(*read);
    reader_.problem(tree.mark(), path, read.error().message.text);
    return std::nullopt;
  }

  void delays(Tree const& tree, std::string const& path) {
    auto& to = spec_.region.delays;
    reader_.map(tree, path,
                {{"launch", reader_.duration(to.launch)},
                 {"running", reader_.duration(to.running)},
                 {"terminate", reader_.duration(to.terminate)},
                 {"release", reader_.duration(to.release)},
                 {"attach", reader_.duration(to.attach)},
                 {"device", reader_.duration(to.device, /*may_be_negative=*/true)},
                 {"detach", reader_.duration(to.detach)},
                 {"create-volume", reader_.duration(to.create_volume)},
                 {"replace", reader_.duration(to.replace)}});
  }

  void operator_key(Tree const& tree, std::string const& path) {
    OperatorKey key;
    reader_.map(tree, path,
                {{"access-key-id", reader_.text(key.access_key_id)},
                 {"secret-access-key", reader_.text(key.secret_access_key)}});
    need(tree, path, "access-key-id");
    need(tree, path, "secret-access-key");
    spec_.region.operators.push_back(std::move(key));
  }

  void image(Tree const& tree, std::string const& path) {
    if (!tree.is_map()) {
      reader_.problem(tree.mark(), path, "a map of paths is expected here");
      return;
    }
    for (auto const& entry : tree.entries()) {
      auto const from = reader_.outside(entry.value.text());
      std::error_code ignored;
      if (!entry.key.starts_with('/')) {
        reader_.problem(entry.key_mark, path + "." + entry.key,
                        "the path inside must start with '/'");
      } else if (!std::filesystem::exists(from, ignored)) {
        reader_.problem(entry.value.mark(), path + "." + entry.key,
                        fmt::format("there is no file {}", from.string()));
      }
      spec_.machine.image.files.emplace_back(entry.key, from);
    }
  }

  void load_balancer(Tree const& tree, std::string const& path) {
    auto& to = spec_.machine.load_balancer;
    reader_.map(tree, path,
                {{"address", reader_.text(to.address)},
                 {"ports",
                  [&](Tree const& value, std::string const& at) {
                    to.ports.clear();
                    reader_.list(value, at, [&](Tree const& item, std::string const& p) {
                      reader_.number(to.ports.emplace_back(), 1, 65535)(item, p);
                    });
                  }},
                 {"target-port", reader_.number(to.target_port, 1, 65535)},
                 {"tls-health-check", reader_.boolean(to.tls_health_check)},
                 {"health-interval", reader_.duration(to.health_interval)}});
  }

  Reader reader_;
  Spec spec_;
  std::vector<std::function<void()>> later_;
};

}  // namespace

Result<Spec> parse_spec(std::string_view text, std::string const& file,
                        std::filesystem::path const& folder) {
  auto const tree = yaml::parse(text);
  if (!tree) {
    return fail(Kind::invalid, "{}:{}:{}: {}", file, tree.error().mark.line,
                tree.error().mark.column, tree.error().what);
  }
  return SpecReader(file, folder).read(*tree);
}

Result<Spec> load_spec(std::filesystem::path const& file) {
  auto const bytes = read_file(file);
  if (!bytes) return fail(bytes.error(), "reading the region's spec");
  if (!*bytes) return fail(Kind::invalid, "there is no file {}", file.string());
  return parse_spec(**bytes, file.string(), std::filesystem::absolute(file).parent_path());
}

}  // namespace haagent::sim
