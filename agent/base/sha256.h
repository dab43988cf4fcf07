// SHA-256 of what does not fit into memory.
#pragma once

#include <memory>
#include <string>
#include <string_view>

namespace haagent {

class Sha256 {
 public:
  Sha256();
  ~Sha256();
  void add(std::string_view bytes);
  std::string digest();  // 32 bytes; once
 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

// "cdf8…": two digits a byte.
std::string to_hex_digits(std::string_view bytes);

}  // namespace haagent
