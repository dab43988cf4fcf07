// Filters and pages, the same for every Describe.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "tests/sim/errors.h"
#include "tests/sim/faults.h"
#include "tests/sim/form.h"
#include "tests/sim/model.h"

namespace haagent::sim {

struct DescribeFilter {
  std::string name;
  std::vector<std::string> values;
};

// Filter.N.Name and Filter.N.Value.M.
Api<std::vector<DescribeFilter>> filters_of(Form const& form);

// What an item has under a filter's name; nothing where there is no such filter.
using Attributes = std::function<std::optional<std::vector<std::string>>(std::string_view name)>;

// All filters fit: any of the item's values, any of the filter's patterns. An unknown filter is an
// error.
Api<bool> fits(std::vector<DescribeFilter> const& filters, Attributes const& attributes);

// "tag:<key>", "tag-key" and "tag-value"; nothing for other names.
std::optional<std::vector<std::string>> tag_attribute(std::string_view name, Tags const& tags);

struct Paging {
  std::optional<std::size_t> size;  // MaxResults, capped; unset: all at once
  std::string after;                // the last item of the page before, from NextToken
};
// MaxResults and ids exclude each other, as EC2 has it.
Api<Paging> paging_of(Form const& form, bool has_ids, std::string_view ids_name, int most);
std::string token_after(std::string_view last);

// Leaves one page of the items (sorted by key) and returns the next one's token, empty at the end.
template <class Item, class Key>
std::string take_page(std::vector<Item>& items, Paging const& paging, Key const& key_of) {
  std::erase_if(items, [&](auto const& item) {
    return !paging.after.empty() && key_of(item) <= paging.after;
  });
  if (!paging.size || items.size() <= *paging.size) return "";
  items.resize(*paging.size);
  return token_after(key_of(items.back()));
}

}  // namespace haagent::sim
