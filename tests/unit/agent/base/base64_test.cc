#include "agent/base/base64.h"

#include <gtest/gtest.h>

namespace haagent {
namespace {

TEST(Base64, ReadsAndWritesTheVectorsOfRfc4648) {
  std::pair<char const*, char const*> const vectors[] = {{"", ""},
                                                         {"f", "Zg=="},
                                                         {"fo", "Zm8="},
                                                         {"foo", "Zm9v"},
                                                         {"foob", "Zm9vYg=="},
                                                         {"fooba", "Zm9vYmE="},
                                                         {"foobar", "Zm9vYmFy"}};
  for (auto const& [bytes, text] : vectors) {
    EXPECT_EQ(to_base64(bytes), text);
    EXPECT_EQ(from_base64(text), bytes);
    EXPECT_EQ(from_wrapped_base64(text), bytes);
  }
}

TEST(Base64, HoldsEveryByteAndLettersOfTheStandardAlphabet) {
  std::string all;
  for (int i = 0; i < 256; ++i) all += static_cast<char>(i);
  EXPECT_EQ(from_base64(to_base64(all)), all);
  EXPECT_EQ(to_base64("\xfb\xff\xbf"), "+/+/");
  EXPECT_EQ(from_base64("+/+/"), "\xfb\xff\xbf");
  EXPECT_EQ(from_base64("AAAA"), std::string(3, '\0'));
  EXPECT_EQ(from_base64("AA=="), std::string(1, '\0'));
}

// More than OpenSSL is given at once.
TEST(Base64, LongTextComesBackWhole) {
  for (std::size_t const size : {(3u << 20u) - 1, 3u << 20u, (3u << 20u) + 1, (6u << 20u) + 2}) {
    std::string bytes(size, '\0');
    for (std::size_t i = 0; i < size; ++i) bytes[i] = static_cast<char>(i * 31 >> 3u);
    auto const text = to_base64(bytes);
    EXPECT_EQ(text.size(), (size + 2) / 3 * 4);
    EXPECT_EQ(text.find('\0'), text.npos);
    EXPECT_TRUE(from_base64(text) == bytes) << size;
  }
}

TEST(Base64, WhatIsMalformedIsRefused) {
  using namespace std::string_view_literals;
  for (auto const bad :
       {"Z"sv,        "Zg"sv,       "Zg="sv,         "Zm9vYg"sv,    // cut off, or without padding
        "Z==="sv,     "===="sv,     "="sv,           "Zm9v===="sv,  // padding for nothing
        "Zg==Zg=="sv, "Z=g="sv,     "=Zg="sv,        "Zm=v"sv,      // text behind the padding
        "Zm9v!A=="sv, "Zm9_"sv,     "Zm9-"sv,        "Zm9vZm9-"sv,  // other alphabets
        "Zm9v----"sv, "----"sv,     "Zm\xc3\xa9"sv,  // dashes end OpenSSL's own reading
        "Zm9\0"sv,    "\0\0\0\0"sv, "Zm9v\0\0\0\0"sv}) {
    EXPECT_FALSE(from_base64(bad)) << bad;
    EXPECT_FALSE(from_wrapped_base64(bad)) << bad;
  }
}

TEST(Base64, WhiteSpaceIsReadWhereTextIsWrappedOnly) {
  for (auto const* text :
       {"Zm9v\nYmFy", "Zm9v\r\nYmFy\r\n", "  Zm9vYmFy", "Zm9vYmFy\n", "Z m 9 v\tYmFy",
        "    Zm9vYmFy", "Zm9vYmFy    ", "Zm9v    YmFy", "\n\n\n\nZm9vYmFy"}) {
    EXPECT_FALSE(from_base64(text)) << text;
    EXPECT_EQ(from_wrapped_base64(text), "foobar") << text;
  }
  EXPECT_EQ(from_wrapped_base64("Zg=\n=\n"), "f");
  EXPECT_EQ(from_wrapped_base64(" \r\n\t"), "");
  for (auto const* text : {"Zm9v\vYmFy", "Zm9v\fYmFy", "Zg=\n", "Zg==\nZg==\n"})
    EXPECT_FALSE(from_wrapped_base64(text)) << text;
}

TEST(Base64, TheAlphabetForUrlsHasOneTextForEachBytes) {
  std::string all;
  for (int i = 0; i < 256; ++i) all += static_cast<char>(i);
  for (std::size_t size = 0; size <= all.size(); ++size) {
    auto const text = to_base64url(all.substr(0, size));
    EXPECT_EQ(text.find_first_of("+/="), text.npos);
    EXPECT_EQ(from_base64url(text), all.substr(0, size));
  }
  EXPECT_EQ(to_base64url("\xfb\xff\xbf"), "-_-_");
  EXPECT_EQ(to_base64url("f"), "Zg");
  for (auto const* bad : {"Zg==", "Zg=", "Z", "Zm9+", "Zm9/", "Zh", "Zm9", "Zm 9v", "Zm9v\n"}) {
    EXPECT_FALSE(from_base64url(bad)) << bad;
  }
}

TEST(Base64, BitsBehindTheLastByteDoNotCount) {
  EXPECT_EQ(from_base64("Zh=="), "f");
  EXPECT_EQ(from_base64("Zm9="), "fo");
}

}  // namespace
}  // namespace haagent
