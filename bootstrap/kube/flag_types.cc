#include "bootstrap/kube/flag_types.h"

#include <fmt/format.h>

#include <algorithm>

#include "agent/base/cidr.h"
#include "bootstrap/kube/go_values.h"

namespace haagent::bootstrap::kube {

std::string_view trim(std::string_view text) {
  auto begin = std::min(text.find_first_not_of(" \t"), text.size());
  text.remove_prefix(begin);
  return text.substr(0, text.find_last_not_of(" \t") + 1);
}

std::vector<std::string_view> split(std::string_view text, char separator) {
  std::vector<std::string_view> parts;
  while (true) {
    auto end = std::min(text.find(separator), text.size());
    parts.push_back(text.substr(0, end));
    if (end == text.size()) return parts;
    text.remove_prefix(end + 1);
  }
}

std::optional<std::vector<std::string>> csv(std::string_view text) {
  std::vector<std::string> fields;
  while (true) {
    std::string field;
    if (text.starts_with('"')) {
      text.remove_prefix(1);
      while (true) {
        auto quote = text.find('"');
        if (quote == text.npos) return std::nullopt;
        field += text.substr(0, quote);
        text.remove_prefix(quote + 1);
        if (!text.starts_with('"')) break;
        field += '"';
        text.remove_prefix(1);
      }
      if (!text.empty() && text[0] != ',') return std::nullopt;
    } else {
      auto end = std::min(text.find(','), text.size());
      field = text.substr(0, end);
      if (field.find('"') != field.npos) return std::nullopt;
      text.remove_prefix(end);
    }
    fields.push_back(std::move(field));
    if (text.empty()) return fields;
    text.remove_prefix(1);
  }
}

namespace {

bool is_port(std::string_view text, bool zero) {
  auto port = go_unsigned(text, 16);
  return port && text.find_first_not_of("0123456789") == text.npos && (zero || *port > 0);
}

// net.SplitHostPort, or an address alone.
bool is_ip_port(std::string_view text) {
  if (parse_ip(text)) return true;
  auto colon = text.rfind(':');
  if (colon == text.npos) return false;
  auto host = text.substr(0, colon);
  if (host.starts_with('[') && host.ends_with(']')) host = host.substr(1, host.size() - 2);
  return parse_ip(host) && is_port(text.substr(colon + 1), true);
}

// net.ParsePortRange: "30000-32767", "30000+10", "30000".
bool is_port_range(std::string_view text) {
  text = trim(text);
  if (text.empty()) return true;
  auto dash = text.find_first_of("-+");
  if (dash == text.npos) return is_port(text, true);
  auto low = go_unsigned(text.substr(0, dash), 16);
  auto high = go_unsigned(text.substr(dash + 1), 16);
  if (!low || !high) return false;
  return text[dash] == '+' ? *low + *high <= 65535 : *low <= *high;
}

// util/taints.ParseTaints: key[=value]:effect, or key- and key:effect-.
bool is_taint(std::string_view text) {
  if (text.ends_with('-')) return true;
  auto colon = text.find(':');
  if (colon == text.npos) return !text.empty() && text.find('=') == text.npos;
  auto effect = text.substr(colon + 1);
  return colon > 0 &&
         (effect == "NoSchedule" || effect == "PreferNoSchedule" || effect == "NoExecute");
}

bool is_vmodule(std::string_view text) {
  for (auto part : split(text, ',')) {
    if (part.empty()) continue;
    auto equals = part.find('=');
    if (equals == part.npos || equals == 0) return false;
    if (!go_unsigned(part.substr(equals + 1), 31)) return false;
  }
  return true;
}

bool is_cert_key(std::string_view text) {
  auto colon = text.find(':');
  if (colon != text.npos && trim(text.substr(colon + 1)).empty()) return false;
  return split(text.substr(0, colon), ',').size() == 2;
}

bool is_reserved_memory(std::string_view text) {
  for (auto part : split(text, ';')) {
    auto halves = split(part, ':');
    if (halves.size() != 2 || !go_integer(halves[0], 64)) return false;
    for (auto limit : split(halves[1], ',')) {
      auto pair = split(limit, '=');
      if (pair.size() != 2 || !go_quantity(pair[1])) return false;
      if (pair[0] != "memory" && !pair[0].starts_with("hugepages-")) return false;
    }
  }
  return true;
}

bool all_pairs(std::string_view text, char separator, bool boolean) {
  return std::ranges::all_of(split(text, ','), [&](std::string_view pair) {
    if (pair.empty()) return true;
    auto at = pair.find(separator);
    return at != pair.npos && (!boolean || go_boolean(trim(pair.substr(at + 1))));
  });
}

// What a value of the type is, in words; nothing where any text will do. `good` says whether the
// value is one.
std::string_view wanted(std::string_view type, std::string_view value, bool& good) {
  good = true;
  if (type == "bool") {
    good = go_boolean(value).has_value();
    return "true or false";
  }
  if (type == "duration") {
    good = go_duration(value).has_value();
    return "a duration such as 30s or 5m0s";
  }
  if (type == "int" || type == "int64") {
    good = go_integer(value, 64).has_value();
    return "a whole number";
  }
  if (type == "int32") {
    good = go_integer(value, 32).has_value();
    return "a whole number below 2^31";
  }
  if (type == "uint" || type == "uint64") {
    good = go_unsigned(value, 64).has_value();
    return "a whole number, not negative";
  }
  if (type == "Level") {
    good = go_integer(value, 32).has_value() && !value.starts_with('-');
    return "a level such as 2";
  }
  if (type == "float32" || type == "float64") {
    good = go_float(value).has_value();
    return "a number";
  }
  if (type == "ip") {
    good = parse_ip(trim(value)).has_value();
    return "an IP address";
  }
  if (type == "ipport") {
    good = is_ip_port(value);
    return "an IP address, or one with a port such as 0.0.0.0:10256";
  }
  if (type == "quantity") {
    good = go_quantity(value).has_value();
    return "a quantity such as 500m or 2Gi";
  }
  if (type == "stringSlice" || type == "stringToString" || type == "int32Slice") {
    auto fields = csv(value);
    good = fields.has_value();
    if (good && type == "int32Slice") {
      good = std::ranges::all_of(*fields,
                                 [](auto& each) { return go_integer(trim(each), 32).has_value(); });
      return "whole numbers with commas between";
    }
    if (good && type == "stringToString") {
      good = std::ranges::all_of(*fields, [](auto& each) { return each.find('=') != each.npos; });
      return "pairs such as a=b,c=d";
    }
    return "a list with commas between, quoted as in a CSV file";
  }
  if (type == "mapStringString") {
    good = all_pairs(value, '=', false);
    return "pairs such as a=b,c=d";
  }
  if (type == "langleSeparatedMapStringString") {
    good = all_pairs(value, '<', false);
    return "pairs such as memory.available<200Mi";
  }
  if (type == "mapStringBool") {
    good = all_pairs(value, '=', true);
    return "pairs such as A=true,B=false";
  }
  if (type == "portRange" || type == "port-range") {
    good = is_port_range(value);
    return "a range of ports such as 30000-32767";
  }
  if (type == "[]v1.Taint") {
    good = std::ranges::all_of(split(value, ','), is_taint);
    return "taints such as key=value:NoSchedule";
  }
  if (type == "pattern=N,...") {
    good = is_vmodule(value);
    return "levels of files such as kubelet=4,server*=6";
  }
  if (type == "namedCertKey") {
    good = is_cert_key(value);
    return "a certificate's file and its key's, such as /a.crt,/a.key";
  }
  if (type == "reserved-memory") {
    good = is_reserved_memory(value);
    return "memory by NUMA node such as 0:memory=1Gi,hugepages-1Gi=2Gi";
  }
  if (type == "ProxyMode") {
    good = value == "iptables" || value == "ipvs" || value == "nftables" || value == "kernelspace";
    return "iptables, ipvs or nftables";
  }
  if (type == "LocalMode") {
    good = value == "ClusterCIDR" || value == "NodeCIDR" || value == "BridgeInterface" ||
           value == "InterfaceNamePrefix";
    return "ClusterCIDR, NodeCIDR, BridgeInterface or InterfaceNamePrefix";
  }
  return {};
}

}  // namespace

std::string not_of_type(std::string_view type, std::string_view value) {
  bool good = true;
  auto expected = wanted(type, value, good);
  return good ? "" : fmt::format("expected {}, found '{}'", expected, value);
}

}  // namespace haagent::bootstrap::kube
