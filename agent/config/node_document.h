// What one text is that stands where a NodeConfig may stand: a NodeConfig, something that is legal
// there and for others, or something that nobody would read. Pure.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "agent/base/tree.h"
#include "agent/config/values.h"

namespace haagent {

struct NodeDocument {
  enum class Is {
    nothing,         // white space, comments, empty YAML documents
    ours,            // a NodeConfig, right or wrong: the schema says which
    for_others,      // cloud-init's formats, a script, Ignition: they know what to do with it
    not_understood,  // there, and read by nobody
  };
  Is is = Is::nothing;
  // ours: the text to read. Indentation by tabs, or of all lines but the first, is taken off; by
  // spaces it stays, so that columns are true.
  std::string text{};
  // for_others, not_understood: "a script (#!/bin/sh)".
  std::string what{};
  // What to do about it; for_others have none.
  std::string advice{};
  // Changes that were made to read it.
  std::vector<Problem> warnings{};
  // not_understood: nothing about it is known; a reader of YAML can say more.
  bool unknown = false;
  // not_understood: a NodeConfig, where cloud-init would take the text for its own.
  bool hides_ours = false;
};

// `text` is decoded: neither compressed, nor encoded, nor a message.
NodeDocument read_node_document(std::string_view text);

// A document of ours where another one is expected: it says our apiVersion or kind, or a role that
// only a NodeConfig has. Weaker signs (a key `log`) are left to its own reader.
bool is_surely_ours(Tree const& document);

}  // namespace haagent
