// PeerLink: a link to a peer after the handshake. Moves bytes between a Stream and the codec;
// decides nothing. Owned by its LinkOwner, on the torrent's network thread; no locks. The handlers
// that wait for the stream keep it alive until they have run.
//
// Plain callbacks, not coroutines: this is the path of every block. One readiness of the stream
// reads up to `read_budget` bytes and `messages_a_pass` messages, several blocks at a time, and
// hands them to the swarm as one batch; one writes one chunk of blocks. The stream keeps little
// that is not on the line, so that what is served next stays the swarm's decision.
#pragma once

#include <boost/asio/io_context.hpp>
#include <boost/asio/steady_timer.hpp>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "client/link/link_owner.hpp"
#include "client/link/link_scratch.hpp"
#include "client/link/send_queue.hpp"
#include "client/link/stream.hpp"
#include "client/wire/message_reader.hpp"

namespace barter::link {

class PeerLink : public Stream::Waiter, public std::enable_shared_from_this<PeerLink> {
 public:
  // `max_control_bytes`: messages, not blocks, that wait for a peer
  // that does not read; beyond, it is dropped.
  PeerLink(std::unique_ptr<Stream> stream, ConnectionId id, LinkOwner& owner,
           boost::asio::io_context& context, LinkScratch& scratch, BlockPool& pool,
           const wire::ReaderLimits& limits, std::size_t max_control_bytes);

  ConnectionId id() const { return id_; }
  bool closed() const { return closed_; }

  void start();
  // Queue something; flush() writes it.
  void send(const wire::Message& message) { queue_.push(message); }
  void send_have(PieceIndex piece) { queue_.push_have(piece); }
  void send_block(BlockRange range) { queue_.push_block(range); }
  bool cancel_block(BlockRange range) { return queue_.cancel_block(range); }
  void flush();
  // Tells the owner once all messages are written: metadata_sent().
  void tell_when_written() { tell_written_ = true; }
  void close();
  // Memory is short: gives back what is held for blocks to come.
  void release_spare() { reader_.release_spare(); }

  // Answers of the owner.
  void buffers_returned();                                       // to await_buffers()
  void chunk_read(SendBuffer data, const Result<void>& result);  // to read_later()

  // The stream's.
  void on_readable() override;
  void on_writable() override;

  bool dirty = false;  // in the owner's list of links to flush

 private:
  struct End {
    DisconnectReason reason;
    std::string detail;
  };
  void wait_readable();
  void read_pass();
  void read_on(bool more);
  void pause_until(TimePoint time);
  // What follows a pass.
  struct Pass {
    bool starved = false;  // no buffer for a block
    bool more = false;     // messages are left in the reader
  };
  // Reads what is there, within the budget; how the link ended, if it did.
  std::optional<End> read_batch(Pass& pass);
  wire::MessageReader::Next pull(std::vector<wire::Message>& batch);
  void wait_writable();
  void start_chunk();
  bool read_chunk_now(std::span<const BlockRange> blocks, std::span<std::byte> data, bool& failed);
  void write();
  void lost(DisconnectReason reason, std::string detail);

  const std::unique_ptr<Stream> stream_;
  const ConnectionId id_;
  LinkOwner& owner_;
  boost::asio::io_context& context_;
  LinkScratch& scratch_;
  wire::MessageReader reader_;
  SendQueue queue_;
  const std::size_t max_control_bytes_;
  std::vector<BlockRange> sent_;
  std::uint32_t blocks_in_batch_ = 0;
  std::unique_ptr<boost::asio::steady_timer> pause_;  // while it is not read from; seldom there
  bool tell_written_ = false;
  bool closed_ = false;
  bool waiting_read_ = false;
  bool waiting_write_ = false;
  bool blocked_ = false;       // the stream took less than was offered
  bool chunk_out_ = false;     // a chunk has begun and the stream has not passed on all of it
  bool large_chunks_ = false;  // it took all of the last chunk
};

}  // namespace barter::link
