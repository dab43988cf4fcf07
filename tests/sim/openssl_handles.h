// Frees what OpenSSL's C functions hand out: std::unique_ptr<EVP_PKEY, Freeing<&EVP_PKEY_free>>.
#pragma once

namespace haagent::sim {

template <auto free>
struct Freeing {
  template <class T>
  void operator()(T* value) const {
    free(value);
  }
};

}  // namespace haagent::sim
