#include "tests/sim/control.h"

#include "agent/base/json.h"
#include "tests/sim/http_server.h"

namespace haagent::sim {
namespace {

Response answer(int status, Tree const& tree) {
  Response response;
  response.status = status;
  response.headers = {{"content-type", "application/json"}};
  response.body = json::print(tree, 2);
  return response;
}

Response answer(Error const& error) {
  int const status = error.kind == Kind::invalid ? 400 : error.kind == Kind::conflict ? 409 : 500;
  return answer(status,
                Tree::map({{"error", error.message.text}, {"kind", to_string(error.kind)}}));
}

constexpr Kind kKinds[] = {Kind::transient, Kind::conflict,    Kind::denied,  Kind::invalid,
                           Kind::refused,   Kind::interrupted, Kind::internal};

}  // namespace

Response handle_control(CommandContext& context, Request const& request) {
  if (request.wire.method != "POST" && request.wire.method != "GET") {
    return answer(Error{Kind::invalid, "POST /<command> with a JSON map of arguments", {}});
  }
  Tree arguments;
  if (!request.wire.body.empty()) {
    auto parsed = json::parse(request.wire.body);
    if (!parsed) return answer(parsed.error().during("reading the arguments"));
    arguments = std::move(*parsed);
  }
  std::string_view name(request.wire.path);
  if (name.starts_with('/')) name.remove_prefix(1);
  auto const result = run_command(context, name, arguments);
  return result ? answer(200, *result) : answer(result.error());
}

Result<Tree> control_call(std::filesystem::path const& socket, std::string_view command,
                          Tree const& arguments) {
  Request request;
  request.wire = {"POST",
                  fmt::format("/{}", command),
                  "",
                  {{"Content-Type", "application/json"}},
                  json::print(arguments.is_null() ? Tree::map() : arguments)};
  auto const response = request_over(socket, request);
  if (!response) return std::unexpected(response.error());
  auto tree = json::parse(response->body);
  if (!tree) return fail(tree.error(), "reading the region's answer");
  if (response->status == 200) return tree;
  Error error{Kind::internal, tree->text_at("error", "the region says no and not why"), {}};
  for (auto kind : kKinds) {
    if (to_string(kind) == tree->text_at("kind")) error.kind = kind;
  }
  return std::unexpected(std::move(error));
}

}  // namespace haagent::sim
