// User-data: bare, MIME, base64, quoted-printable, gzip, in each other.
#include "agent/config/user_data.h"

#include "tests/fuzz/hold.h"
#include "tests/fuzz/targets.h"

namespace haagent::fuzz {

void user_data(std::string_view bytes) {
  for (bool const file : {false, true}) {
    auto const data = read_user_data(bytes, "user-data", file);
    bool error = false;
    for (auto const* problems : {&data.problems, &data.passed_over}) {
      for (auto const& problem : *problems) {
        hold(problem.message.starts_with("user-data"), "a problem names what is wrong");
        hold(problem.message.size() < 2'000 && problem.hint.size() < 2'000, "a problem is short");
        error = error || problem.severity == Severity::error;
      }
    }
    std::size_t total = 0;
    for (auto const& document : data.documents) {
      hold(document.name.starts_with("user-data"), "a document says where it stood");
      hold(!document.text.contains('\r'), "lines end in \\n");
      total += document.text.size();
    }
    hold(total <= bytes.size() + (4u << 20u), "what is unpacked stays below its cap");
    hold((data.documents.empty() && !error) || data.note.empty(), "a note stands for a document");
    hold(data.note.size() < 20'000, "a note is short");
    bool const blank = bytes.find_first_not_of(" \t\r\n") == bytes.npos;
    hold(file || blank || error || !data.documents.empty() || !data.note.empty(),
         "nothing is dropped in silence");
  }
}

}  // namespace haagent::fuzz
