// User-data: bare, MIME, base64, quoted-printable, gzip, in each other.
#include "agent/user_data.h"

#include "tests/fuzz/hold.h"
#include "tests/fuzz/targets.h"

namespace haagent::fuzz {

void user_data(std::string_view bytes) {
  auto data = read_user_data(bytes);
  if (!data) {
    hold_error(data.error(), {Kind::invalid});
    return hold(data.error().what.contains("user-data"), "the error names what is wrong");
  }
  std::size_t total = 0;
  for (auto const& document : data->documents) {
    hold(document.name.starts_with("user-data"), "a document says where it stood");
    hold(!document.text.contains("\r\n"), "lines end in \\n");
    total += document.text.size();
  }
  hold(total <= bytes.size() + (4u << 20u), "what is unpacked stays below its cap");
  hold(data->documents.empty() || data->note.empty(), "a note stands for a document");
  hold(data->note.size() < 20'000, "a note is short");
}

}  // namespace haagent::fuzz
