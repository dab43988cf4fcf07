// User-data: what instance metadata hands over is a bare document, or one among cloud-config and
// scripts in a MIME message, compressed and encoded as the launch template's author liked. Nothing
// of it is dropped in silence: what is not for haagent is legal in a format that others read, and
// everything else is a problem that says what it looks like and what to do.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "agent/config/values.h"

namespace haagent {

inline constexpr std::string_view kUserDataType = "application/vnd.haagent.node+yaml";
// What EC2 takes, before base64.
inline constexpr std::size_t kUserDataLimit = 16384;

struct UserDataDocument {
  std::string name;  // "user-data", or "user-data part 2" of a message: counted without containers
  std::string text;  // decoded; lines end in "\n"
};

struct UserData {
  std::vector<UserDataDocument> documents;  // in order; empty: no config here
  // Errors: what is broken, or there and not understood. Warnings: what was taken off to read it
  // (indentation, base64 that EC2 leaves on, lines in front of a message), which other readers of
  // the same bytes may not do.
  std::vector<Problem> problems;
  // Warnings about parts of a message that are of no type that is known: somebody else's, or not.
  std::vector<Problem> passed_over;
  // What is there and not for haagent: "user-data is a script (#!/bin/sh)". Empty where there is a
  // document or an error, or nothing at all.
  std::string note;
};

// Pure. Reads gzip, base64 around all of it, indentation, MIME messages (nested, folded headers,
// base64 and quoted-printable parts, parts compressed by themselves) and #cloud-config-archive. A
// text counts as a NodeConfig by its apiVersion or by any key of a NodeConfig. More than 4 MiB
// unpacked is an error. A `file` that cannot be told is handed on to the reader of YAML, whose
// errors have a place; the verdict is the same.
UserData read_user_data(std::string_view bytes, std::string_view name = "user-data",
                        bool file = false);

}  // namespace haagent
