// User-data: what instance metadata hands over is a bare document, or one among cloud-config and
// scripts in a MIME message, compressed and encoded as the launch template's author liked.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "agent/base/result.h"

namespace haagent {

inline constexpr std::string_view kUserDataType = "application/vnd.haagent.node+yaml";

struct UserDataDocument {
  std::string name;  // "user-data", or "user-data part 2" of a message: counted without containers
  std::string text;  // decoded; lines end in "\n"
};

struct UserData {
  std::vector<UserDataDocument> documents;  // in order; empty: no config here, which is no error
  // What was found instead, for the case that something is missing: "user-data is a script
  // (#!/bin/sh)". Empty where there is a document, or nothing at all.
  std::string note;
  // Text that says neither our apiVersion nor what else it is: a fragment for conf.d may.
  bool unmarked = false;
};

// Reads gzip, base64 around all of it, and MIME messages: nested, folded headers, base64 and
// quoted-printable parts, parts compressed by themselves. Errors (invalid): a message that is
// broken or cut off, a document whose encoding is broken, more than 4 MiB unpacked.
Result<UserData> read_user_data(std::string_view bytes, std::string_view name = "user-data");

}  // namespace haagent
