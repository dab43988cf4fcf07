// A world in 128 bits: fields of known widths, one after the other, both ways.
#pragma once

#include <cstdint>

namespace haagent::bootstrap::explored {

using Key = unsigned __int128;

class Packer {
 public:
  template <class T>
  void operator()(T value, unsigned bits) {
    key_ |= static_cast<Key>(static_cast<std::uint8_t>(value)) << at_;
    at_ += bits;
  }
  Key key() const { return key_; }

 private:
  Key key_ = 0;
  unsigned at_ = 0;
};

class Unpacker {
 public:
  explicit Unpacker(Key key) : key_(key) {}
  template <class T>
  void operator()(T& value, unsigned bits) {
    value = static_cast<T>(static_cast<std::uint8_t>(key_ & ((1u << bits) - 1)));
    key_ >>= bits;
  }

 private:
  Key key_;
};

}  // namespace haagent::bootstrap::explored
