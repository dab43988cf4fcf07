// The last net, below the allow-lists: what looks like a private key, a token or a credential is
// taken out wherever it stands. It is no promise by itself; nothing should ever be caught in it.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace haagent::bundle {

std::string last_net(std::string text);

// How a value may be spelled inside another text: as it is, escaped for JSON, percent-encoded, and
// in base64, wherever in the encoded bytes it stands.
std::vector<std::string> spellings(std::string_view value);

}  // namespace haagent::bundle
