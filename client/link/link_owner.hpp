// LinkOwner: what a link tells whoever has it, and asks of it: the torrent's driver.
// Everything on the torrent's network thread; none of it is called from within a
// call of the owner to the link but by flush() and start().
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "client/link/send_buffers.hpp"
#include "client/swarm/action.hpp"
#include "client/wire/message.hpp"
#include "torrent/layout.hpp"
#include "torrent/result.hpp"
#include "torrent/time.hpp"

namespace barter::link {

class PeerLink;

class LinkOwner {
 public:
  // Questions. How many blocks have been asked for and have not come; when it may be read again.
  virtual std::uint32_t blocks_due(ConnectionId id) const = 0;
  virtual TimePoint listen_at(ConnectionId id) const = 0;

  // Events.
  virtual void received(PeerLink& link, std::span<wire::Message> messages) = 0;
  virtual void sent(PeerLink& link, std::span<const BlockRange> blocks) = 0;
  virtual void metadata_sent(PeerLink& link) = 0;
  virtual void not_sent(PeerLink& link, std::span<const BlockRange> blocks,
                        SendFailure failure) = 0;
  // It has closed itself; nothing else follows.
  virtual void lost(PeerLink& link, DisconnectReason reason, const std::string& detail) = 0;

  // The bytes of blocks: at once, if that does not wait for a disk (false: it would); or later, by
  // PeerLink::chunk_read().
  virtual Result<bool> read_now(BlockRange range, std::span<std::byte> out) = 0;
  virtual void read_later(std::shared_ptr<PeerLink> link, std::vector<BlockRange> blocks,
                          SendBuffer out) = 0;
  // There is no buffer for blocks to come: PeerLink::buffers_returned() when there is.
  virtual void await_buffers(std::shared_ptr<PeerLink> link) = 0;

 protected:
  ~LinkOwner() = default;
};

}  // namespace barter::link
