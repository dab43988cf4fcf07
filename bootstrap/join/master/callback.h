// The other way round: whether the instance, at the address that EC2 has for it, is the one that
// asks. It must show the key that it wants signed, and sign the nonce of this exchange with it.
#pragma once

#include <stop_token>
#include <string>

#include "agent/aws/ec2.h"
#include "agent/base/http.h"
#include "bootstrap/pki/certificate_request.h"

namespace haagent::bootstrap::join {

// Errors: transient (CallbackNotAnswered: a packet may be lost) or denied (CallbackKeyDiffers).
Result<void> call_back(Http& http, aws::Instance const& instance, int port,
                       pki::CertificateRequest const& client, std::string_view nonce,
                       std::stop_token stop);

}  // namespace haagent::bootstrap::join
