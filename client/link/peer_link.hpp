// PeerLink: a link to a peer after the handshake. Moves bytes between the socket and the codec;
// decides nothing. Owned by its SwarmDriver, on the driver's network thread; no locks. The handlers
// that wait for the socket keep it alive until they have run.
//
// Plain callbacks, not coroutines: this is the path of every block. One readiness of the socket
// reads up to `read_budget` bytes and `messages_a_pass` messages, several blocks to a readv, and
// hands them to the swarm as one batch; one writes one chunk of blocks. TCP_NOTSENT_LOWAT keeps
// little unsent data in the socket, so that what is served next stays the swarm's decision.
#pragma once

#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/steady_timer.hpp>
#include <chrono>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "client/link/send_queue.hpp"
#include "client/net/io_threads.hpp"
#include "client/swarm/action.hpp"
#include "client/wire/message_reader.hpp"
#include "torrent/result.hpp"

namespace barter::net {

class SwarmDriver;

class PeerLink : public std::enable_shared_from_this<PeerLink> {
 public:
  using Socket = boost::asio::ip::tcp::socket;

  // `max_control_bytes`: messages, not blocks, that wait for a peer
  // that does not read; beyond, it is dropped.
  PeerLink(Socket socket, ConnectionId id, SwarmDriver& driver, NetThread& thread, BlockPool& pool,
           const wire::ReaderLimits& limits, std::size_t max_control_bytes);

  ConnectionId id() const { return id_; }
  bool closed() const { return closed_; }

  // `received`: what came behind the handshake.
  void start(std::span<const std::byte> received);
  // Queue something; flush() writes it.
  void send(const wire::Message& message) { queue_.push(message); }
  void send_have(PieceIndex piece) { queue_.push_have(piece); }
  void send_block(BlockRange range) { queue_.push_block(range); }
  bool cancel_block(BlockRange range) { return queue_.cancel_block(range); }
  void flush();
  // Tells the driver once all messages are written: metadata_sent().
  void tell_when_written() { tell_written_ = true; }
  void close();
  // Memory is short: gives back what is held for blocks to come.
  void release_spare() { reader_.release_spare(); }

  // Answers of the driver.
  void buffers_returned();                                                   // to await_buffers()
  void chunk_read(SendBuffer data, bool large, const Result<void>& result);  // to read_later()

  bool dirty = false;  // in the driver's list of connections to flush

 private:
  struct End {
    DisconnectReason reason;
    std::string detail;
  };
  void wait_readable();
  void on_readable();
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
  bool read_chunk_now(std::span<const BlockRange> blocks, std::byte* data, bool& failed);
  void write();
  void follow_rate(std::size_t wrote);
  void lost(DisconnectReason reason, std::string detail);

  Socket socket_;
  int descriptor_;
  ConnectionId id_;
  SwarmDriver& driver_;
  NetThread& thread_;
  wire::MessageReader reader_;
  SendQueue queue_;
  const std::size_t max_control_bytes_;
  std::vector<iovec> vectors_;
  std::vector<BlockRange> sent_;
  std::uint32_t blocks_in_batch_ = 0;
  std::unique_ptr<boost::asio::steady_timer> pause_;  // while it is not read from; seldom there
  std::size_t sent_since_look_ = 0;                   // bytes
  std::chrono::steady_clock::time_point looked_{};
  std::size_t unsent_low_water_ = 0;  // as last set; 0: as set_peer_options() did
  bool tell_written_ = false;
  bool closed_ = false;
  bool waiting_read_ = false;
  bool waiting_write_ = false;
  bool blocked_ = false;       // the socket took less than was offered
  bool large_chunks_ = false;  // it took all of the last chunk
};

// Options of every peer's socket: non-blocking, no delay, little unsent.
void set_peer_options(boost::asio::ip::tcp::socket& socket);

}  // namespace barter::net
