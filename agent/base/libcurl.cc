#include "agent/base/libcurl.h"

#include <dlfcn.h>
#include <fmt/format.h>

#include <cstdio>
#include <cstdlib>
#include <string>

namespace haagent {
namespace {

constexpr char kName[] = "libcurl.so.4";  // of the package libcurl4

[[noreturn]] void cannot_load(std::string const& why) {
  fmt::print(stderr, "haagent: error while loading {}: {}\n", kName, why);
  std::_Exit(127);
}

class Library {
 public:
  // It stays for as long as the process does.
  Library() : handle_(::dlopen(kName, RTLD_LAZY | RTLD_LOCAL)) {
    // NOLINTNEXTLINE(concurrency-mt-unsafe): glibc keeps a thread's own
    if (!handle_) cannot_load(::dlerror());
  }
  template <class Function>
  void find(Function*& function, char const* name) const {
    function = reinterpret_cast<Function*>(::dlsym(handle_, name));
    if (!function) cannot_load(fmt::format("it has no {}", name));
  }

 private:
  void* handle_;
};

LibCurl load() {
  Library const library;
  decltype(&::curl_global_init) global_init = nullptr;
  library.find(global_init, "curl_global_init");
  if (global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK) cannot_load("it does not start");
  LibCurl all{};
  library.find(all.free, "curl_free");
  library.find(all.easy_init, "curl_easy_init");
  library.find(all.easy_cleanup, "curl_easy_cleanup");
  library.find(all.easy_setopt, "curl_easy_setopt");
  library.find(all.easy_getinfo, "curl_easy_getinfo");
  library.find(all.easy_strerror, "curl_easy_strerror");
  library.find(all.multi_init, "curl_multi_init");
  library.find(all.multi_cleanup, "curl_multi_cleanup");
  library.find(all.multi_setopt, "curl_multi_setopt");
  library.find(all.multi_add_handle, "curl_multi_add_handle");
  library.find(all.multi_remove_handle, "curl_multi_remove_handle");
  library.find(all.multi_perform, "curl_multi_perform");
  library.find(all.multi_poll, "curl_multi_poll");
  library.find(all.multi_wakeup, "curl_multi_wakeup");
  library.find(all.multi_info_read, "curl_multi_info_read");
  library.find(all.slist_append, "curl_slist_append");
  library.find(all.slist_free_all, "curl_slist_free_all");
  library.find(all.url, "curl_url");
  library.find(all.url_cleanup, "curl_url_cleanup");
  library.find(all.url_get, "curl_url_get");
  library.find(all.url_set, "curl_url_set");
  return all;
}

}  // namespace

LibCurl const& curl() {
  static LibCurl const loaded = load();
  return loaded;
}

}  // namespace haagent
