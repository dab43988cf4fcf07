# What every target of ours is compiled and linked with is on haagent_flags; what a build type
# optimises for is in CMAKE_CXX_FLAGS_<TYPE>. Modules that foreign programs load link neither.

# "Dev" is what the tests run: quickest to build, every assertion alive. (FORCE: CMake has made an
# empty entry for the build type by now.)
set(CMAKE_CXX_FLAGS_DEV "-Og -g1" CACHE STRING "" FORCE)
set(CMAKE_CXX_FLAGS_RELEASE "-Os -g1 -DNDEBUG" CACHE STRING "" FORCE)

add_library(haagent_flags INTERFACE)
target_compile_features(haagent_flags INTERFACE cxx_std_23)
target_include_directories(haagent_flags INTERFACE ${PROJECT_SOURCE_DIR})
set(CMAKE_CXX_EXTENSIONS OFF)

target_compile_options(haagent_flags INTERFACE
  -Wall -Wextra -Werror -Wshadow -Wnon-virtual-dtor -Woverloaded-virtual -Wcast-align -Wformat=2
  -Wimplicit-fallthrough
  # Designated initialisers leave out what has its default.
  -Wno-missing-field-initializers)

# Libraries and programs alike are position independent executables' code: one precompiled header fits all.
target_compile_options(haagent_flags INTERFACE -fPIE -fstack-protector-strong)
target_link_options(haagent_flags INTERFACE -pie)

if(CMAKE_BUILD_TYPE STREQUAL "Dev")
  target_compile_definitions(haagent_flags INTERFACE _GLIBCXX_ASSERTIONS)
  target_compile_options(haagent_flags INTERFACE
    # At -Og GCC 12 calls libstdc++'s own std::stop_source uninitialised; the release build keeps the warning.
    $<$<CXX_COMPILER_ID:GNU>:-Wno-maybe-uninitialized>
    # GCC 12's stable_sort uses what C++17 has deprecated.
    $<$<NOT:$<CXX_COMPILER_ID:GNU>>:-Wno-deprecated-declarations>)
elseif(CMAKE_BUILD_TYPE STREQUAL "Release")
  include(CheckIPOSupported)
  check_ipo_supported()
  set(CMAKE_INTERPROCEDURAL_OPTIMIZATION ON)
  target_compile_definitions(haagent_flags INTERFACE _FORTIFY_SOURCE=2)
  target_compile_options(haagent_flags INTERFACE -ffunction-sections -fdata-sections)
  target_link_options(haagent_flags INTERFACE -Wl,--gc-sections -Wl,-z,relro,-z,now -Wl,--as-needed)
endif()

if(HAAGENT_QUICK)
  # With a precompiled header ccache has to preprocess, too.
  target_compile_options(haagent_flags INTERFACE $<$<CXX_COMPILER_ID:GNU>:-fpch-preprocess>)
endif()

if(HAAGENT_SANITIZE)
  target_compile_options(haagent_flags INTERFACE
    -fsanitize=${HAAGENT_SANITIZE} -fno-sanitize-recover=all -fno-omit-frame-pointer)
  target_link_options(haagent_flags INTERFACE -fsanitize=${HAAGENT_SANITIZE})
  if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU" AND HAAGENT_SANITIZE MATCHES undefined)
    # At each use of a pointer, for half the time of a build: AddressSanitizer sees what comes of most
    # of it, and the fuzz targets, which clang builds, keep them.
    target_compile_options(haagent_flags INTERFACE -fno-sanitize=null,alignment,vptr,object-size)
  endif()
endif()
if(HAAGENT_FUZZ)
  # All code tells libFuzzer where it has been; the programs of tests/fuzz link libFuzzer itself.
  target_compile_options(haagent_flags INTERFACE -fsanitize=fuzzer-no-link)
endif()
