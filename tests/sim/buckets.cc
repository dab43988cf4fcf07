#include "tests/sim/buckets.h"

#include <fmt/format.h>

#include <algorithm>

#include "agent/base/base64.h"
#include "agent/base/sha256.h"

namespace haagent::sim {
namespace {

// An ETag may come without its quotes.
bool same_etag(std::string_view claimed, std::string_view etag) {
  auto const bare = [](std::string_view text) {
    if (text.size() >= 2 && text.starts_with('"') && text.ends_with('"'))
      text = text.substr(1, text.size() - 2);
    return text;
  };
  return bare(claimed) == bare(etag);
}

ApiError no_such_upload() {
  return {"NoSuchUpload", 404,
          "The specified upload does not exist. The upload ID may be invalid, or the upload may "
          "have been aborted or completed."};
}

ApiError invalid_part() {
  return {"InvalidPart", 400,
          "One or more of the specified parts could not be found.  The part may not have been "
          "uploaded, or the specified entity tag may not match the part's entity tag."};
}

}  // namespace

BucketSpec const* Buckets::find(std::string const& bucket) const {
  auto found = std::ranges::find(specs_, bucket, &BucketSpec::name);
  return found == specs_.end() ? nullptr : &*found;
}

Api<void> Buckets::allow(std::string const& bucket, std::string const& key,
                         Condition const& condition) const {
  Object const* there = nullptr;
  if (auto all = objects_.find(bucket); all != objects_.end()) {
    if (auto found = all->second.find(key); found != all->second.end()) there = &found->second;
  }
  ApiError const lost{"PreconditionFailed", 412,
                      "At least one of the pre-conditions you specified did not hold"};
  if (!condition.if_match.empty()) {
    if (!there)
      return std::unexpected(ApiError{"NoSuchKey", 404, "The specified key does not exist."});
    if (!same_etag(condition.if_match, there->etag)) return std::unexpected(lost);
  }
  if (condition.if_none_match == "*" && there) return std::unexpected(lost);
  return {};
}

Api<Object> Buckets::put(std::string const& bucket, std::string const& key, Object object,
                         Condition const& condition) {
  object.etag = fmt::format("\"{}\"", to_hex(object.bytes->md5()));
  std::lock_guard lock(mutex_);
  if (auto allowed = allow(bucket, key, condition); !allowed)
    return std::unexpected(allowed.error());
  return objects_[bucket][key] = std::move(object);
}

std::optional<Object> Buckets::get(std::string const& bucket, std::string const& key) const {
  std::lock_guard lock(mutex_);
  auto all = objects_.find(bucket);
  if (all == objects_.end()) return std::nullopt;
  auto found = all->second.find(key);
  if (found == all->second.end()) return std::nullopt;
  return found->second;
}

void Buckets::remove(std::string const& bucket, std::string const& key) {
  std::lock_guard lock(mutex_);
  if (auto all = objects_.find(bucket); all != objects_.end()) all->second.erase(key);
}

ListAnswer Buckets::list(std::string const& bucket, ListRequest const& request) const {
  std::lock_guard lock(mutex_);
  ListAnswer answer;
  auto all = objects_.find(bucket);
  if (all == objects_.end() || request.most == 0) return answer;
  std::string last;
  for (auto at = all->second.lower_bound(std::max(request.prefix, request.after));
       at != all->second.end() && at->first.starts_with(request.prefix); ++at) {
    if (at->first <= request.after) continue;
    auto const cut = request.delimiter.empty()
                         ? std::string::npos
                         : at->first.find(request.delimiter, request.prefix.size());
    auto const common =
        cut == std::string::npos ? "" : at->first.substr(0, cut + request.delimiter.size());
    if (!common.empty()) {
      // Named on the page before, or on this one already.
      if (request.after.starts_with(common)) continue;
      if (!answer.common_prefixes.empty() && answer.common_prefixes.back() == common) {
        last = at->first;
        continue;
      }
    }
    if (answer.objects.size() + answer.common_prefixes.size() == request.most) {
      answer.next = last;
      break;
    }
    last = at->first;
    if (common.empty()) {
      answer.objects.emplace_back(at->first, at->second);
    } else {
      answer.common_prefixes.push_back(common);
    }
  }
  return answer;
}

std::string Buckets::begin_upload(std::string const& bucket, std::string const& key, std::string id,
                                  Headers kept, UtcTime now) {
  std::lock_guard lock(mutex_);
  uploads_[id] = {bucket, key, std::move(kept), {}, now};
  return id;
}

Api<Buckets::Upload const*> Buckets::require(std::string const& bucket, std::string const& key,
                                             std::string const& id) const {
  auto found = uploads_.find(id);
  if (found == uploads_.end() || found->second.bucket != bucket || found->second.key != key)
    return std::unexpected(no_such_upload());
  return &found->second;
}

Api<Part> Buckets::put_part(std::string const& bucket, std::string const& key,
                            std::string const& id, int number, Part part) {
  part.etag = fmt::format("\"{}\"", to_hex(part.bytes->md5()));
  std::lock_guard lock(mutex_);
  if (auto upload = require(bucket, key, id); !upload) return std::unexpected(upload.error());
  return uploads_[id].parts[number] = std::move(part);
}

Api<std::map<int, Part>> Buckets::parts(std::string const& bucket, std::string const& key,
                                        std::string const& id) const {
  std::lock_guard lock(mutex_);
  auto upload = require(bucket, key, id);
  if (!upload) return std::unexpected(upload.error());
  return (*upload)->parts;
}

Api<Object> Buckets::complete(std::string const& bucket, std::string const& key,
                              std::string const& id, std::vector<PartClaim> const& claims,
                              Condition const& condition, UtcTime now) {
  Upload upload;
  {
    std::lock_guard lock(mutex_);
    auto found = require(bucket, key, id);
    if (!found) return std::unexpected(found.error());
    upload = **found;
  }
  for (std::size_t i = 1; i < claims.size(); ++i) {
    if (claims[i].number <= claims[i - 1].number)
      return std::unexpected(ApiError{"InvalidPartOrder", 400,
                                      "The list of parts was not in ascending order. Parts must "
                                      "be ordered by part number."});
  }
  auto all = std::make_shared<Bytes>();
  std::string sums, checksums;
  for (auto const& claim : claims) {
    auto const part = upload.parts.find(claim.number);
    if (part == upload.parts.end() || !same_etag(claim.etag, part->second.etag) ||
        (!claim.checksum.empty() && claim.checksum != part->second.checksum))
      return std::unexpected(invalid_part());
    if (part->second.bytes->size() < kLeastPart && &claim != &claims.back())
      return std::unexpected(ApiError{
          "EntityTooSmall", 400, "Your proposed upload is smaller than the minimum allowed size"});
    if (auto added = all->append(*part->second.bytes); !added)
      return std::unexpected(ApiError{"InternalError", 500, added.error().message.text});
    sums += part->second.bytes->md5();
    if (!part->second.checksum.empty()) checksums += part->second.bytes->sha256();
  }
  Object object{all, fmt::format("\"{}-{}\"", to_hex(md5(sums)), claims.size()), "", upload.kept,
                now};
  if (checksums.size() == 32 * claims.size())
    object.checksum = fmt::format("{}-{}", to_base64(sha256(checksums)), claims.size());
  std::lock_guard lock(mutex_);
  if (auto still = require(bucket, key, id); !still) return std::unexpected(still.error());
  if (auto allowed = allow(bucket, key, condition); !allowed)
    return std::unexpected(allowed.error());
  uploads_.erase(id);
  return objects_[bucket][key] = std::move(object);
}

Api<void> Buckets::abort(std::string const& bucket, std::string const& key, std::string const& id) {
  std::lock_guard lock(mutex_);
  if (auto upload = require(bucket, key, id); !upload) return std::unexpected(upload.error());
  uploads_.erase(id);
  return {};
}

std::map<std::string, std::string> Buckets::uploads() const {
  std::lock_guard lock(mutex_);
  std::map<std::string, std::string> open;
  for (auto const& [id, upload] : uploads_) open[id] = upload.bucket + "/" + upload.key;
  return open;
}

}  // namespace haagent::sim
