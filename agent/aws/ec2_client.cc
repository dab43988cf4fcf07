#include "agent/aws/ec2_client.h"

#include <map>
#include <set>

#include "agent/aws/ec2_xml.h"
#include "agent/aws/query_call.h"

namespace haagent::aws {
namespace {

// Half a million volumes; an account that has so many needs a filter first.
constexpr std::size_t kMostPages = 1000;

}  // namespace

struct Ec2Client::State {
  QueryCalls calls;

  Result<std::string> call(std::string_view action, std::string const& body,
                           std::stop_token const& stop) {
    return calls.call(action, body, stop);
  }

  template <class Item>
  Result<std::vector<Item>> describe(std::string_view action, Describe const& which,
                                     Result<Page<Item>> (*read)(std::string_view),
                                     std::stop_token const& stop) {
    std::vector<Item> all;
    std::string token;
    std::set<std::string> seen;
    std::map<std::string, std::size_t> places;
    do {
      auto answer = TRY(call(action, describe_body(action, which, token), stop));
      auto page = TRY_DURING(read(answer), "ec2:{}", action);
      // What changes while pages are fetched can stand on two of them: the later one is right.
      for (auto& item : page.items) {
        auto [known, is_new] = places.try_emplace(item.id, all.size());
        if (is_new) {
          all.push_back(std::move(item));
        } else {
          all[known->second] = std::move(item);
        }
      }
      token = std::move(page.next_token);
      if (!token.empty() && !seen.insert(token).second) {
        return fail(Kind::transient, "ec2:{}: the same page comes again and again", action);
      }
      if (seen.size() >= kMostPages) {
        return fail(Kind::transient, "ec2:{}: more than {} pages come", action, kMostPages);
      }
    } while (!token.empty());
    return all;
  }
};

QuerySettings query_settings(Ec2Settings settings) {
  return {.service = "ec2",
          .endpoint = std::move(settings.endpoint),
          .region = std::move(settings.region),
          .user_agent = std::move(settings.user_agent),
          .counts = settings.counts};
}

Ec2Client::Ec2Client(Http& http, Clock& clock, CachedCredentials& credentials, Ec2Settings settings)
    : state_(new State{QueryCalls(http, clock, credentials, query_settings(std::move(settings)))}) {
}

Ec2Client::~Ec2Client() = default;

Result<std::vector<Volume>> Ec2Client::describe_volumes(Describe const& which,
                                                        std::stop_token stop) {
  return state_->describe("DescribeVolumes", which, read_volumes, stop);
}

Result<std::vector<Instance>> Ec2Client::describe_instances(Describe const& which,
                                                            std::stop_token stop) {
  return state_->describe("DescribeInstances", which, read_instances, stop);
}

Result<Attachment> Ec2Client::attach_volume(std::string const& volume_id,
                                            std::string const& instance_id,
                                            std::string const& device, std::stop_token stop) {
  auto answer =
      TRY(state_->call("AttachVolume", attach_volume_body(volume_id, instance_id, device), stop));
  auto attachment = TRY_DURING(read_attachment(answer), "ec2:AttachVolume");
  return attachment;
}

Result<void> Ec2Client::detach_volume(std::string const& volume_id, std::string const& instance_id,
                                      bool force, std::stop_token stop) {
  auto answer =
      TRY(state_->call("DetachVolume", detach_volume_body(volume_id, instance_id, force), stop));
  if (auto done = read_done("DetachVolume", answer); !done) {
    return fail(done.error(), "ec2:DetachVolume");
  }
  return {};
}

Result<void> Ec2Client::create_tags(std::string const& resource_id,
                                    std::map<std::string, std::string> const& tags,
                                    std::stop_token stop) {
  auto answer = TRY(state_->call("CreateTags", create_tags_body(resource_id, tags), stop));
  if (auto done = read_done("CreateTags", answer); !done) {
    return fail(done.error(), "ec2:CreateTags");
  }
  return {};
}

}  // namespace haagent::aws
