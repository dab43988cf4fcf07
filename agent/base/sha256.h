// SHA-256, whole or of what does not fit into memory.
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

std::string sha256(std::string_view bytes);  // 32 bytes
std::string sha256_hex(std::string_view bytes);
// "cdf8…": two digits a byte.
std::string to_hex(std::string_view bytes);

}  // namespace haagent
