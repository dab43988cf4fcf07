#include "agent/boot/identity_step.h"

#include "agent/base/node_name.h"
#include "agent/base/row_names.h"

namespace haagent {
namespace {

class IdentityStep final : public Step {
 public:
  explicit IdentityStep(aws::Imds& imds) : imds_(imds) {}

  std::string_view name() const override { return row_names::kIdentity; }

  Result<Finding> look(Facts& facts, std::stop_token stop) override {
    auto identity = TRY(imds_.identity(stop));
    auto text = fmt::format("{} ({}) in {}, {}", identity.instance_id, identity.instance_type,
                            identity.zone, identity.address);
    if (auto note = node_name_note(identity); !note.empty()) text += "; " + note;
    auto id = identity.instance_id;
    facts.identity.set(std::move(identity));
    return Done{Message(Reason::IdentityKnown, std::move(text)).about(std::move(id))};
  }

 private:
  aws::Imds& imds_;
};

}  // namespace

std::unique_ptr<Step> identity_step(aws::Imds& imds) {
  return std::make_unique<IdentityStep>(imds);
}

}  // namespace haagent
