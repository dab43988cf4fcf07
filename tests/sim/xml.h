// XML as the services answer it: elements, text, escapes.
#pragma once

#include <concepts>
#include <string>
#include <string_view>

namespace haagent::sim {

class Xml {
 public:
  void text(std::string_view name, std::string_view value);  // an empty value is <name/>
  void number(std::string_view name, long long value) { text(name, std::to_string(value)); }
  void boolean(std::string_view name, bool value) { text(name, value ? "true" : "false"); }
  // An element with what `inside` adds to it.
  template <std::invocable Inside>
  void element(std::string_view name, Inside&& inside, std::string_view xmlns = "") {
    open(name, xmlns);
    inside();
    close(name);
  }
  void raw(std::string_view xml) { text_ += xml; }
  std::string const& str() const { return text_; }

 private:
  void open(std::string_view name, std::string_view xmlns);
  void close(std::string_view name);
  std::string text_;
};

}  // namespace haagent::sim
