#include "client/link/peer_link.hpp"

#include <netinet/tcp.h>
#include <sys/socket.h>

#include <algorithm>
#include <bit>
#include <boost/asio/post.hpp>
#include <cerrno>
#include <cstring>
#include <limits>
#include <utility>

#include "client/net/clock.hpp"
#include "client/net/swarm_driver.hpp"

namespace barter::net {

namespace {
// Read before the swarm is asked what to do and other connections have their turn.
constexpr std::size_t read_budget = 1024 * 1024;
// The same: a megabyte of the shortest would be 260,000 of them.
constexpr std::size_t messages_a_pass = 2048;
// Unsent bytes in the socket below which the kernel calls it writable: what the line takes in
// `unsent_time`. Little, so that chokes and haves are not stuck behind blocks, and so that a block
// can be taken back; but a socket that runs dry between two turns of ours keeps TCP from finding
// out how fast a long line is.
constexpr std::size_t unsent_least = 32 * 1024, unsent_most = 1024 * 1024;
constexpr std::chrono::milliseconds unsent_time(16);
// Sent before the rate is looked at again.
constexpr std::size_t sent_a_look = 1024 * 1024;
constexpr std::chrono::duration<double> shortest_look(1e-4);

void set_unsent_low_water(int descriptor, std::size_t bytes) {
  const int value = static_cast<int>(bytes);
  ::setsockopt(descriptor, IPPROTO_TCP, TCP_NOTSENT_LOWAT, &value, sizeof value);
}

bool would_block(int error) {
  return error == EAGAIN || error == EWOULDBLOCK;
}

SendFailure send_failure(const Error& error) {
  return error.code == Errc::file_changed || error.code == Errc::not_found
             ? SendFailure::file_changed
             : SendFailure::read_error;
}
}  // namespace

void set_peer_options(boost::asio::ip::tcp::socket& socket) {
  boost::system::error_code ignored;
  socket.non_blocking(true, ignored);
  socket.set_option(boost::asio::ip::tcp::no_delay(true), ignored);
  set_unsent_low_water(socket.native_handle(), unsent_least);
}

PeerLink::PeerLink(Socket socket, ConnectionId id, SwarmDriver& driver, NetThread& thread,
                   BlockPool& pool, const wire::ReaderLimits& limits, std::size_t max_control_bytes)
    : socket_(std::move(socket)),
      descriptor_(socket_.native_handle()),
      id_(id),
      driver_(driver),
      thread_(thread),
      reader_(pool, limits),
      max_control_bytes_(max_control_bytes) {}

void PeerLink::start(std::span<const std::byte> received) {
  reader_.push(received);
  on_readable();
}

void PeerLink::close() {
  if (closed_) return;
  closed_ = true;
  boost::system::error_code ignored;
  socket_.close(ignored);
  pause_.reset();
  auto chunk = queue_.take_chunk_data();
  thread_.send_buffers.give_back(std::move(chunk.data), chunk.large);
  reader_.release_spare();
}

void PeerLink::lost(DisconnectReason reason, std::string detail) {
  if (closed_) return;
  close();
  driver_.lost(*this, reason, std::move(detail));
}

// Reading.

void PeerLink::wait_readable() {
  if (waiting_read_ || closed_) return;
  waiting_read_ = true;
  socket_.async_wait(Socket::wait_read,
                     [self = shared_from_this()](const boost::system::error_code& error) {
                       self->waiting_read_ = false;
                       if (!error) self->on_readable();
                     });
}

void PeerLink::buffers_returned() {
  if (!closed_) on_readable();
}

void PeerLink::on_readable() {
  if (closed_) return;
  const auto self = shared_from_this();  // the driver may let go of it
  auto& batch = thread_.batch;
  batch.clear();
  blocks_in_batch_ = 0;
  Pass pass;
  std::optional<End> end = read_batch(pass);
  if (!batch.empty()) driver_.received(*this, batch);
  batch.clear();
  if (closed_) return;
  if (end) return lost(end->reason, std::move(end->detail));
  if (pass.starved) {
    driver_.await_buffers(self);
  } else {
    read_on(pass.more);
  }
}

// After a pass: when it is this connection's turn again.
void PeerLink::read_on(bool more) {
  const TimePoint at = driver_.listen_at(id_);
  if (at > current_time()) return pause_until(at);
  if (!more) return wait_readable();
  boost::asio::post(socket_.get_executor(), [self = shared_from_this()] { self->on_readable(); });
}

// Nothing is read, so that TCP makes the peer wait.
void PeerLink::pause_until(TimePoint time) {
  if (!pause_) pause_ = std::make_unique<boost::asio::steady_timer>(socket_.get_executor());
  pause_->expires_at(time);
  pause_->async_wait([self = shared_from_this()](const boost::system::error_code& error) {
    if (!error) self->on_readable();
  });
}

// Messages that are there, as far as this pass takes them.
wire::MessageReader::Next PeerLink::pull(std::vector<wire::Message>& batch) {
  using Next = wire::MessageReader::Next;
  while (batch.size() < messages_a_pass) {
    const auto next = reader_.next(batch.emplace_back());
    if (next != Next::message) {
      batch.pop_back();
      return next;
    }
    if (std::holds_alternative<wire::Piece>(batch.back())) ++blocks_in_batch_;
  }
  return Next::message;  // there may be more
}

std::optional<PeerLink::End> PeerLink::read_batch(Pass& pass) {
  using Next = wire::MessageReader::Next;
  auto& batch = thread_.batch;
  std::size_t taken = 0;
  Next next = pull(batch);
  while (next == Next::need_bytes && taken < read_budget) {
    const std::uint32_t due = driver_.blocks_due(id_);
    const auto spans = reader_.prepare(due > blocks_in_batch_ ? due - blocks_in_batch_ : 0);
    if (spans.empty()) {
      pass.starved = true;
      return std::nullopt;
    }
    vectors_.clear();
    std::size_t room = 0;
    for (const auto& span : spans) {
      vectors_.push_back({span.data(), span.size()});
      room += span.size();
    }
    const ssize_t got = ::readv(descriptor_, vectors_.data(), static_cast<int>(vectors_.size()));
    if (got == 0) return End{DisconnectReason::closed_by_peer, {}};
    if (got < 0) {
      if (errno == EINTR) continue;
      if (would_block(errno)) return std::nullopt;
      return End{DisconnectReason::connection_lost, std::strerror(errno)};
    }
    reader_.commit(static_cast<std::size_t>(got));
    taken += static_cast<std::size_t>(got);
    next = pull(batch);
    // Less than there was room for: that was all, most likely. Waiting will tell.
    if (static_cast<std::size_t>(got) < room && next == Next::need_bytes) return std::nullopt;
  }
  if (next == Next::violation) return End{DisconnectReason::protocol_error, reader_.violation()};
  pass.starved = next == Next::need_buffer;
  pass.more = next == Next::message;
  return std::nullopt;
}

// Writing.

void PeerLink::wait_writable() {
  if (waiting_write_ || closed_) return;
  waiting_write_ = true;
  socket_.async_wait(Socket::wait_write,
                     [self = shared_from_this()](const boost::system::error_code& error) {
                       self->waiting_write_ = false;
                       self->blocked_ = false;
                       if (!error) self->flush();
                     });
}

void PeerLink::flush() {
  if (closed_) return;
  if (blocked_) {
    if (queue_.control_bytes() > max_control_bytes_) {
      lost(DisconnectReason::flooding, "reads nothing of what it is told");
    }
    return;
  }
  if (!waiting_write_ && !queue_.chunk_active() && queue_.blocks_waiting()) start_chunk();
  if (!closed_ && queue_.anything_to_write()) write();
}

// Reads the blocks of a chunk as far as that does not wait, adjacent
// ones by one call. True if there is something to write; else nothing
// was read, for an error (`failed`) or because it would wait.
bool PeerLink::read_chunk_now(std::span<const BlockRange> blocks, std::byte* data, bool& failed) {
  std::size_t offset = 0;
  for (std::size_t first = 0; first < blocks.size();) {
    std::size_t end = first;
    const BlockRange range = merged_range(blocks, end);
    const Result<bool> read = driver_.read_now(range, {data + offset, range.length});
    if (!read || !*read) {
      if (first > 0) {  // what is read goes out first
        queue_.shorten_chunk(first);
        return true;
      }
      if (read) return false;
      failed = true;
      queue_.shorten_chunk(end);
      const auto failed_blocks = queue_.abandon_chunk();
      driver_.not_sent(*this, failed_blocks, send_failure(read.error()));
      return false;
    }
    offset += range.length;
    first = end;
  }
  return true;
}

void PeerLink::start_chunk() {
  const bool large = large_chunks_;
  const auto blocks = queue_.begin_chunk(large ? SendBuffers::large : SendBuffers::small);
  SendBuffer data = thread_.send_buffers.take(large);
  bool failed = false;
  if (read_chunk_now(blocks, data.get(), failed)) {
    queue_.set_chunk_data(std::move(data), large);
  } else if (failed) {
    thread_.send_buffers.give_back(std::move(data), large);
  } else {
    driver_.read_later(shared_from_this(), {blocks.begin(), blocks.end()}, std::move(data), large);
  }
}

void PeerLink::chunk_read(SendBuffer data, bool large, const Result<void>& result) {
  if (closed_) return thread_.send_buffers.give_back(std::move(data), large);
  if (result) {
    queue_.set_chunk_data(std::move(data), large);
  } else {
    thread_.send_buffers.give_back(std::move(data), large);
    const auto blocks = queue_.abandon_chunk();
    driver_.not_sent(*this, blocks, send_failure(result.error()));
  }
  flush();
}

void PeerLink::write() {
  vectors_.clear();
  const std::size_t offered = queue_.gather(vectors_);
  msghdr header{};
  header.msg_iov = vectors_.data();
  header.msg_iovlen = vectors_.size();
  ssize_t wrote = 0;
  do {
    wrote = ::sendmsg(descriptor_, &header, MSG_NOSIGNAL);
  } while (wrote < 0 && errno == EINTR);
  if (wrote < 0) {
    if (!would_block(errno)) {
      return lost(DisconnectReason::connection_lost, std::strerror(errno));
    }
    wrote = 0;
  }
  follow_rate(static_cast<std::size_t>(wrote));
  sent_.clear();
  const bool ended = queue_.consumed(static_cast<std::size_t>(wrote), sent_);
  blocked_ = static_cast<std::size_t>(wrote) < offered;
  if (ended) {
    auto chunk = queue_.take_chunk_data();
    thread_.send_buffers.give_back(std::move(chunk.data), chunk.large);
    large_chunks_ = true;
  }
  if (blocked_) large_chunks_ = false;
  // After a chunk the next one waits for the socket's low-water mark, and others have their turn.
  if (ended || blocked_) wait_writable();
  if (queue_.control_bytes() > max_control_bytes_) {
    return lost(DisconnectReason::flooding, "reads nothing of what it is told");
  }
  const bool written = tell_written_ && queue_.control_bytes() == 0;
  if (written) tell_written_ = false;
  if (!sent_.empty()) driver_.sent(*this, sent_);
  if (written && !closed_) driver_.metadata_sent(*this);
}

void PeerLink::follow_rate(std::size_t wrote) {
  sent_since_look_ += wrote;
  if (sent_since_look_ < sent_a_look) return;
  const auto now = std::chrono::steady_clock::now();
  const std::chrono::duration<double> passed = now - looked_;
  const double share = std::chrono::duration<double>(unsent_time) / std::max(passed, shortest_look);
  const auto wanted = static_cast<std::size_t>(static_cast<double>(sent_since_look_) * share);
  looked_ = now;
  sent_since_look_ = 0;
  // By powers of two: it shall not change with every look.
  const std::size_t bytes = std::bit_floor(std::clamp(wanted, unsent_least, unsent_most));
  if (bytes == unsent_low_water_) return;
  unsent_low_water_ = bytes;
  set_unsent_low_water(descriptor_, bytes);
}

}  // namespace barter::net
