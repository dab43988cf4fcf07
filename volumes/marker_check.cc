#include "volumes/marker_check.h"

#include <fmt/ranges.h>

namespace haagent::volumes {

MarkerDecision decide_marker(std::optional<VolumeMarker> const& marker,
                             VolumeMarker const& expected, std::vector<std::string> const& others) {
  if (!marker && !others.empty())
    return RefuseMarker{
        Message(Reason::VolumeUnidentified,
                fmt::format("{} holds files ({}) and no haagent.json that says whose they are",
                            expected.volume_id, fmt::join(others, ", ")),
                fmt::format("if they are the data of member {}, write this to haagent.json at its "
                            "root: {}",
                            expected.member, volume_marker_json(expected)))
            .about(expected.volume_id)};
  if (!marker && !expected.etcd_cluster_id.empty())
    return RefuseMarker{
        Message(Reason::VolumeDataMissing,
                fmt::format(
                    "{} is empty, but its tag says that its member has joined the etcd cluster {}",
                    expected.volume_id, expected.etcd_cluster_id),
                "look for its data; if it is known to be lost, use a new volume")
            .about(expected.volume_id)};
  if (!marker) return WriteMarker{};

  struct Field {
    std::string_view name;
    std::string VolumeMarker::* value;
  };
  for (auto [name, value] :
       {Field{"cluster", &VolumeMarker::cluster}, Field{"etcd cluster", &VolumeMarker::etcd},
        Field{"member", &VolumeMarker::member}})
    if (*marker.*value != expected.*value)
      return RefuseMarker{
          Message(
              Reason::VolumeOfAnotherMember,
              fmt::format("the haagent.json on {} is that of {} '{}', but its tags say '{}': it "
                          "is another's disk, or a copy of one",
                          expected.volume_id, name, *marker.*value, expected.*value),
              "put the tags right, or use a blank volume")
              .about(expected.volume_id)};
  return MarkerFits{};
}

}  // namespace haagent::volumes
