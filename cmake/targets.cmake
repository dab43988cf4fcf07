# How the targets of the product, of tests/ and of tests/sim are made. All of them have the flags of
# flags.cmake; a library is a folder, and links what its row in CMakeLists.txt says.

# What most sources include. (Not <iostream>: it would run code in each of them.)
set(HAAGENT_HEADERS <algorithm> <array> <charconv> <chrono> <cstdint> <expected> <filesystem>
  <functional> <map> <memory> <mutex> <optional> <set> <span> <stop_token> <string> <string_view>
  <thread> <utility> <variant> <vector> <fmt/format.h> <fmt/ranges.h>)

# haagent_library(FOLDER [DEPENDS FOLDER...] [LINK LIBRARY...] [APART FILE...] [HEADERS HEADER...])
# The library of a folder, without its main.cc: agent/base is haagent_base, bootstrap/etcd/disk is
# haagent_etcd_disk.
#   DEPENDS  the folders that it may include from
#   LINK     third-party libraries that its own sources include, and nobody else sees
# HAAGENT_QUICK compiles HAAGENT_BATCH of its sources at a time as one, so what a source has in an anonymous
# namespace has a name of its own within the folder; tests/layering holds that.
#   APART    sources that are compiled alone, whatever their names
#   HEADERS  what is precompiled for it; without, what is precompiled for agent/base
function(haagent_library folder)
  cmake_parse_arguments(ARG "" "" "DEPENDS;LINK;APART;HEADERS" ${ARGN})
  haagent_name(name ${folder})
  file(GLOB sources CONFIGURE_DEPENDS ${PROJECT_SOURCE_DIR}/${folder}/*.cc)
  list(FILTER sources EXCLUDE REGEX "/main\\.cc$")
  list(TRANSFORM ARG_APART PREPEND ${PROJECT_SOURCE_DIR}/${folder}/)
  set_source_files_properties(${ARG_APART} PROPERTIES SKIP_UNITY_BUILD_INCLUSION ON)
  add_library(${name} STATIC ${sources})
  target_link_libraries(${name} PRIVATE ${ARG_LINK})
  haagent_target(${name} DEPENDS ${ARG_DEPENDS})
  if(HAAGENT_QUICK)
    set_target_properties(${name} PROPERTIES UNITY_BUILD ON UNITY_BUILD_BATCH_SIZE ${HAAGENT_BATCH})
    # GCC takes a type of a source for one of a header.
    target_compile_options(${name} PRIVATE $<$<CXX_COMPILER_ID:GNU>:-Wno-subobject-linkage>)
    if(ARG_HEADERS)
      target_precompile_headers(${name} PRIVATE ${ARG_HEADERS})
    else()
      target_precompile_headers(${name} REUSE_FROM haagent_base)
    endif()
  endif()
endfunction()

# haagent_program(NAME FOLDER [DEPENDS FOLDER...] [LINK LIBRARY...])
# The program whose main() is in that folder.
function(haagent_program name folder)
  cmake_parse_arguments(ARG "" "" "DEPENDS;LINK" ${ARGN})
  add_executable(${name} ${PROJECT_SOURCE_DIR}/${folder}/main.cc)
  target_link_libraries(${name} PRIVATE ${ARG_LINK})
  haagent_target(${name} DEPENDS ${ARG_DEPENDS})
endfunction()

# haagent_target(TARGET [DEPENDS FOLDER...]): our flags, and the folders below it.
function(haagent_target name)
  cmake_parse_arguments(ARG "" "" "DEPENDS" ${ARGN})
  target_link_libraries(${name} PRIVATE haagent_flags)
  foreach(folder ${ARG_DEPENDS})
    haagent_name(library ${folder})
    if(NOT TARGET ${library})
      message(FATAL_ERROR "${name} depends on ${folder}, which has no row above it")
    endif()
    target_link_libraries(${name} PUBLIC ${library})
  endforeach()
endfunction()

function(haagent_name result folder)
  string(REGEX REPLACE "^(agent|bootstrap|tests)/" "" name ${folder})
  string(REPLACE "/" "_" name ${name})
  set(${result} haagent_${name} PARENT_SCOPE)
endfunction()
