#pragma once

#include <string_view>

namespace haagent {

// True where a request to this host of a URL must not go through a proxy, whatever the environment
// says: loopback and the link-local addresses at which EC2 serves an instance and nobody else. A
// proxy would answer with its own metadata and credentials, or not at all. IPv6 literals may stand
// in their brackets and with a zone, as URLs carry them.
bool bypasses_proxy(std::string_view host);

}  // namespace haagent
