#include "client/swarm/metadata_server.hpp"

#include "torrent/layout.hpp"

namespace barter {

wire::Message answer_metadata_request(std::string_view info, std::uint32_t piece, std::uint8_t id,
                                      MetadataAllowance& allowance, TimePoint now) {
  const std::uint64_t begin = std::uint64_t{piece} * block_length;
  if (begin >= info.size()) return wire::MetadataReject{piece, id};
  if (allowance.burst_left > 0) {
    --allowance.burst_left;
  } else if (!allowance.rate.ready(now)) {
    return wire::MetadataReject{piece, id};
  }
  wire::MetadataData data;
  data.piece = piece;
  data.total_size = info.size();
  data.data = std::string(info.substr(begin, block_length));
  data.id = id;
  allowance.rate.take(data.data.size(), now);
  return data;
}

}  // namespace barter
