// Single values of configs, tags, answers and files: addresses, versions, times, sizes, names, a
// process.
#include <filesystem>

#include "agent/aws/endpoints.h"
#include "agent/base/base64.h"
#include "agent/base/cidr.h"
#include "agent/base/clock.h"
#include "agent/base/kube_versions.h"
#include "agent/base/proxy_bypass.h"
#include "agent/base/running.h"
#include "agent/base/state_store.h"
#include "agent/base/url.h"
#include "agent/config/values.h"
#include "bootstrap/etcd/client/version.h"
#include "bootstrap/kube/node.h"
#include "tests/fuzz/hold.h"
#include "tests/fuzz/targets.h"
#include "volumes/device_name.h"
#include "volumes/device_number.h"

namespace haagent::fuzz {
namespace {

void addresses(std::string_view text) {
  if (auto address = parse_ip(text))
    hold(parse_ip(to_string(*address)) == address, "an address is written as it is read");
  if (auto range = parse_cidr(text)) {
    auto again = parse_cidr(to_string(*range));
    hold(again && again->network == range->network && again->prefix == range->prefix,
         "a range is written as it is read");
    hold(range->contains(range->network), "a range holds its first address");
    for (std::uint32_t index : {1u, 10u, 0xffffffffu}) {
      auto address = bootstrap::kube::nth_address(*range, index);
      if (!address) {
        hold_error(address.error(), {Kind::invalid});
      } else {
        auto parsed = parse_ip(*address);
        hold(parsed && range->contains(*parsed), "an address of a range is in it");
      }
    }
  } else {
    hold_error(range.error(), {Kind::invalid});
  }
  if (auto ranges = bootstrap::kube::parse_cidrs(text)) {
    hold(!ranges->empty() && ranges->size() <= 2, "one range, or one of each family");
  } else {
    hold_error(ranges.error(), {Kind::invalid});
  }
  bypasses_proxy(text);
}

void versions(std::string_view text) {
  if (auto version = parse_kube_version(text)) {
    hold(to_string(*version) == text, "a version is written as it is read");
  } else {
    hold_error(version.error(), {Kind::invalid});
  }
  if (auto version = bootstrap::parse_etcd_version(text)) {
    hold(bootstrap::parse_etcd_version(to_string(*version)) == version,
         "a version is written as it is read");
    bootstrap::version_warnings(*version);
  }
}

void times(std::string_view text) {
  if (auto time = parse_rfc3339(text))
    hold(parse_rfc3339(to_rfc3339(*time, /*milliseconds=*/true)) == time,
         "a time is written as it is read");
  if (auto time = parse_http_date(text)) hold(time->time_since_epoch().count() != 0, "is a time");
  if (auto duration = parse_duration(text)) {
    hold(parse_duration(to_text(*duration)).value_or(Duration(-1)) == *duration,
         "a duration is written as it is read");
    to_words(*duration);
  } else {
    hold_error(duration.error(), {Kind::invalid});
  }
}

void names(std::string_view text) {
  if (auto size = parse_size(text)) {
    hold(parse_size(size_to_text(*size)).value_or(~*size) == *size,
         "a size is written as it is read");
  } else {
    hold_error(size.error(), {Kind::invalid});
  }
  for (auto* check :
       {check_dns_name, check_endpoint, check_service_url, check_state, check_kube_version,
        check_cidr, check_absolute_path, check_registry, check_label_key, check_label_value,
        check_taint_key, check_taint_effect, check_flag_name, check_kms_key}) {
    if (auto wrong = check(text)) hold(!wrong->message.empty(), "a wrong value says what is right");
  }
  if (auto place = parse_state(text))
    hold(place->bucket.empty() != place->folder.empty(), "a state store is a bucket or a folder");
  if (check_key(text)) {
    auto path = std::filesystem::path("/store") / text;
    hold(path.lexically_normal() == path && path.string().starts_with("/store/"),
         "a key stays in its folder");
  }
  auto endpoint = check_endpoint(text);
  if (!endpoint || endpoint->severity == Severity::warning)
    hold(split_url(text).has_value(), "a good endpoint is a URL");
  if (auto const url = split_url(text)) {
    hold(!url->host.empty() && url->port > 0 && url->path.starts_with('/'), "a URL has its parts");
    if (url->zone.empty())
      hold(split_url(url->origin() + url->path + (url->query.empty() ? "" : "?" + url->query)) ==
               *url,
           "a URL's parts are a URL");
  }
  hold(!aws::partition_of(text).name.empty(), "every region has a partition");
  auto letter = volumes::device_letter(text);
  hold(letter.empty() || (letter.size() == 1 && letter >= "a" && letter <= "z"), "a device letter");
  volumes::parse_device_number(text);
}

}  // namespace

void single_values(std::string_view bytes) {
  addresses(bytes);
  versions(bytes);
  times(bytes);
  names(bytes);
  hold(from_base64(to_base64(bytes)) == bytes, "base64 goes back");
  if (auto const read = from_base64(bytes))
    hold(from_wrapped_base64(bytes) == read, "what is read in one line is read wrapped");
  if (parse_process_stat(bytes))
    hold(bytes.contains(')'), "the fields are counted from behind the name");
}

}  // namespace haagent::fuzz
