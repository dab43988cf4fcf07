#include "agent/aws/s3_xml.h"

#include <pugixml.hpp>

#include <algorithm>
#include <charconv>

#include "agent/aws/sigv4.h"
#include "agent/base/base64.h"
#include "agent/base/sha256.h"

namespace haagent::aws {
namespace {

std::string_view local_name(pugi::xml_node node) {
  std::string_view name = node.name();
  return name.substr(name.find(':') + 1);  // npos + 1 is 0
}

std::string text(pugi::xml_node parent, std::string_view name) {
  for (auto node : parent.children()) {
    if (local_name(node) == name) return node.text().get();
  }
  return {};
}

// S3 sends spaces while it works, and they may come before the XML declaration.
std::string_view without_space(std::string_view xml) {
  auto begin = xml.find_first_not_of(" \t\r\n");
  return begin == std::string_view::npos ? "" : xml.substr(begin);
}

Result<pugi::xml_node> root_of(pugi::xml_document& document, std::string_view name,
                               std::string_view xml) {
  xml = without_space(xml);
  auto parsed = document.load_buffer(xml.data(), xml.size());
  if (!parsed) {
    return fail(Kind::transient, "the answer is no XML: {} at byte {}", parsed.description(),
                parsed.offset);
  }
  auto root = document.document_element();
  if (local_name(root) != name)
    return fail(Kind::transient, "the answer is a <{}>, not a <{}>", local_name(root).substr(0, 60),
                name);
  return root;
}

// As encoding-type=url has it: a space is a plus.
std::string decoded(std::string key) {
  std::ranges::replace(key, '+', ' ');
  return uri_decode(key);
}

}  // namespace

Result<S3Page> read_list(std::string_view xml) {
  pugi::xml_document document;
  auto root = TRY(root_of(document, "ListBucketResult", xml));
  S3Page page;
  auto const is_encoded = text(root, "EncodingType") == "url";
  for (auto node : root.children()) {
    if (local_name(node) != "Contents") continue;
    S3Entry entry;
    entry.key = text(node, "Key");
    if (is_encoded) entry.key = decoded(std::move(entry.key));
    auto size = text(node, "Size");
    auto const* end = size.data() + size.size();
    auto [at, error] = std::from_chars(size.data(), end, entry.size);
    auto modified = parse_rfc3339(text(node, "LastModified"));
    if (entry.key.empty() || error != std::errc() || at != end || !modified)
      return fail(Kind::invalid, "an object of the list comes without its key, size or time");
    entry.modified = *modified;
    page.entries.push_back(std::move(entry));
  }
  if (text(root, "IsTruncated") == "true") {
    page.next_token = text(root, "NextContinuationToken");
    if (page.next_token.empty())
      return fail(Kind::invalid, "the list goes on, but does not say where");
  }
  return page;
}

Result<std::string> read_upload_id(std::string_view xml) {
  pugi::xml_document document;
  auto root = TRY(root_of(document, "InitiateMultipartUploadResult", xml));
  auto id = text(root, "UploadId");
  if (id.empty()) return fail(Kind::invalid, "an upload comes without its id");
  return id;
}

Result<void> read_completed(std::string_view xml) {
  pugi::xml_document document;
  TRY(root_of(document, "CompleteMultipartUploadResult", xml));
  return {};
}

std::string complete_body(std::vector<S3Part> const& parts) {
  pugi::xml_document document;
  auto root = document.append_child("CompleteMultipartUpload");
  root.append_attribute("xmlns") = "http://s3.amazonaws.com/doc/2006-03-01/";
  for (auto const& part : parts) {
    auto node = root.append_child("Part");
    node.append_child("PartNumber").text() = part.number;
    node.append_child("ETag").text() = part.etag.c_str();
    node.append_child("ChecksumSHA256").text() = to_base64(part.sha256).c_str();
  }
  struct Writer final : pugi::xml_writer {
    void write(void const* data, std::size_t size) override {
      text.append(static_cast<char const*>(data), size);
    }
    std::string text;
  } writer;
  document.save(writer, "", pugi::format_raw | pugi::format_no_declaration);
  return std::move(writer.text);
}

std::optional<S3Failure> read_s3_failure(std::string_view xml) {
  xml = without_space(xml);
  pugi::xml_document document;
  if (!document.load_buffer(xml.data(), xml.size())) return {};
  auto root = document.document_element();
  if (local_name(root) != "Error") return {};
  return S3Failure{text(root, "Code"), text(root, "Message"), text(root, "Region")};
}

std::string s3_checksum_of(std::vector<S3Part> const& parts) {
  std::string all;
  for (auto const& part : parts) all += part.sha256;
  return fmt::format("{}-{}", to_base64(sha256(all)), parts.size());
}

}  // namespace haagent::aws
