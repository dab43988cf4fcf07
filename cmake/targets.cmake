# How the targets of the product, of tests/ and of tests/sim are made. All of them have the flags of
# flags.cmake; a library is a folder, and links what its row in CMakeLists.txt says.

# haagent_library(FOLDER [DEPENDS FOLDER...] [LINK LIBRARY...])
# The library of a folder, without its main.cc: agent/base is haagent_base, bootstrap/etcd/disk is
# haagent_etcd_disk.
#   DEPENDS  the folders that it may include from
#   LINK     third-party libraries that its own sources include, and nobody else sees
function(haagent_library folder)
  cmake_parse_arguments(ARG "" "" "DEPENDS;LINK" ${ARGN})
  haagent_name(name ${folder})
  file(GLOB sources CONFIGURE_DEPENDS ${PROJECT_SOURCE_DIR}/${folder}/*.cc)
  list(FILTER sources EXCLUDE REGEX "/main\\.cc$")
  add_library(${name} STATIC ${sources})
  target_link_libraries(${name} PRIVATE ${ARG_LINK})
  haagent_target(${name} DEPENDS ${ARG_DEPENDS})
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
