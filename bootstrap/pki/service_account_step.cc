#include "bootstrap/pki/service_account_step.h"

#include <fmt/format.h>

#include <vector>

#include "bootstrap/pki/authority.h"
#include "bootstrap/pki/keys.h"
#include "bootstrap/pki/leaves.h"
#include "bootstrap/pki/record.h"

namespace haagent::bootstrap::pki {
namespace {

constexpr FileMode kPrivate{.mode = 0600};
constexpr FileMode kPublic{.mode = 0644};

}  // namespace

// The key, where it is one and nobody else may read it.
Result<std::optional<Secret>> ServiceAccountStep::on_disk() const {
  auto const path = root_(kServiceAccountKey);
  auto const bytes = TRY(read_file(path));
  if (!bytes || !TRY(file_matches(path, *bytes, kPrivate))) return std::nullopt;
  Secret key(*bytes);
  if (!public_key_of(key)) return std::nullopt;
  return key;
}

Result<Finding> ServiceAccountStep::look(Facts& /*facts*/, std::stop_token stop) {
  auto const key = TRY(on_disk());
  if (key) {
    if (TRY(file_matches(root_(kServiceAccountPublic), TRY(public_key_of(*key)), kPublic)))
      return Done{Message(Reason::CertificatesGood, "the key of service accounts is there")};
    return Needed{Message(Reason::CertificatesToWrite,
                          fmt::format("write the public half of {}", kServiceAccountKey))
                      .about(kServiceAccountPublic),
                  [this, key = *key](std::stop_token const&) { return write(key); }};
  }
  auto const may = [this] {
    return may_make_anew(root_, store_, kServiceAccount, kServiceAccountKey);
  };
  auto const stored = TRY(read_service_account_key(store_, std::move(stop)));
  if (!stored) TRY(may());
  return Needed{
      Message(Reason::CertificatesToWrite,
              fmt::format("{} the key of service accounts and write it", stored ? "read" : "make"))
          .about(kServiceAccountKey),
      [this, may](std::stop_token inner) -> Result<void> {
        auto const made =
            TRY_DURING(read_or_make_service_account_key(store_, std::move(inner), may),
                       "making the key of service accounts");
        return write(made);
      }};
}

// The key first: its public half can be had from it.
Result<void> ServiceAccountStep::write(Secret const& key) const {
  auto half = TRY(public_key_of(key));
  TRY(add_to_pki_record(root_, {kServiceAccountKey, kServiceAccountPublic}));
  TRY(make_directories(root_(kServiceAccountKey).parent_path()));
  std::vector<PairedFile> const files = {{root_(kServiceAccountKey), key.reveal(), kPrivate},
                                         {root_(kServiceAccountPublic), half, kPublic}};
  TRY(replace_files(files));
  return {};
}

}  // namespace haagent::bootstrap::pki
