// The policies of packaging/aws, as the templates fill them in for a cluster of the simulated
// region.
#pragma once

#include <string>

namespace haagent::test {

// Of "masters", "workers", "join-token" or "state-bucket"; its variables replaced, with the
// region's operator as the only administrator. Throws where there is none such.
std::string shipped_policy(std::string const& of, std::string const& cluster,
                           std::string const& bucket);

}  // namespace haagent::test
