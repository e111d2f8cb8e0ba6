#include "client/swarm/metadata_server.hpp"

#include <cassert>
#include <string>

#include "torrent/layout.hpp"

namespace barter {

bool MetadataServer::ask(std::uint32_t piece, std::uint64_t info_size) {
  if (std::uint64_t{piece} * block_length >= info_size) return false;
  if (waiting_.size() >= max_waiting) return false;
  waiting_.push_back(piece);
  return true;
}

wire::MetadataData MetadataServer::next(std::string_view info, std::uint8_t id, TimePoint now) {
  assert(ready_at() <= now);
  wire::MetadataData data;
  data.piece = waiting_.front();
  waiting_.pop_front();
  data.total_size = info.size();
  data.data = std::string(info.substr(std::size_t{data.piece} * block_length, block_length));
  data.id = id;
  sent_ += data.data.size();
  unsent_ += data.data.size();
  if (sent_ > burst + info.size()) {
    limiter_.set_limit(rate, now);
    limiter_.take(data.data.size(), now);
  }
  return data;
}

}  // namespace barter
