// What a bundle of this node is made of. Sources look and ask; none of them redacts.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "agent/aws/ec2.h"
#include "agent/base/facts.h"
#include "agent/base/files.h"
#include "agent/base/http.h"
#include "agent/base/process.h"
#include "agent/bundle/collector.h"
#include "agent/config/load.h"

namespace haagent::bundle {

// Each source keeps it alive: one that hangs goes on using it.
struct Machine {
  Root root;
  Http& http;
  Process& process;
  Clock& clock;
  ConfigRequest request;
  // From instance metadata.
  std::function<Result<Identity>(std::stop_token)> identity;
  std::function<Result<ConfigRequest>(ConfigRequest, std::stop_token)> with_user_data;
  std::function<std::unique_ptr<aws::Ec2>(NodeConfig const&, Identity const&)> ec2;
  std::size_t most = 32u << 20u;     // bytes of a whole bundle
  std::shared_ptr<void> owner = {};  // of what the references above refer to
};

std::vector<Source> node_sources(std::shared_ptr<Machine> const& machine);

// The parts of it, each in a file of its own.
std::vector<Source> file_sources(std::shared_ptr<Machine> const& machine);
std::vector<Source> journal_sources(std::shared_ptr<Machine> const& machine);
std::vector<Source> program_sources(std::shared_ptr<Machine> const& machine);
std::vector<Source> kernel_sources(std::shared_ptr<Machine> const& machine);
std::vector<Source> cluster_sources(std::shared_ptr<Machine> const& machine);  // etcd, EC2
std::vector<Source> own_sources(std::shared_ptr<Machine> const& machine);  // status, configuration

// The file, of one that is longer its first bytes or its newest lines. Only a regular file is
// opened to be read: a pipe has no end.
Piece read_piece(Root const& root, std::string const& from, Piece piece, std::size_t cap);

// The oldest line first, of a text that has the newest first.
std::string turned_over(std::string_view text);

}  // namespace haagent::bundle
