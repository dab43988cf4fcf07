#include "agent/config/imds_user_data.h"

namespace haagent {

Result<ConfigRequest> with_own_user_data(ConfigRequest request, aws::Imds& imds,
                                         std::stop_token stop) {
  if (!request.files.empty() || request.user_data) return request;
  auto user_data = TRY_DURING(imds.user_data(std::move(stop)), "reading user-data");
  request.user_data = std::move(user_data);
  return request;
}

}  // namespace haagent
