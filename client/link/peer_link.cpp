#include "client/link/peer_link.hpp"

#include <boost/asio/post.hpp>
#include <chrono>
#include <cstring>
#include <utility>

namespace barter::link {

namespace {
// Read before the swarm is asked what to do and other links have their turn.
constexpr std::size_t read_budget = 1024 * 1024;
// The same: a megabyte of the shortest would be 260,000 of them.
constexpr std::size_t messages_a_pass = 2048;

SendFailure send_failure(const Error& error) {
  return error.code == Errc::file_changed || error.code == Errc::not_found
             ? SendFailure::file_changed
             : SendFailure::read_error;
}
}  // namespace

PeerLink::PeerLink(std::unique_ptr<Stream> stream, ConnectionId id, LinkOwner& owner,
                   boost::asio::io_context& context, LinkScratch& scratch, BlockPool& pool,
                   const wire::ReaderLimits& limits, std::size_t max_control_bytes)
    : stream_(std::move(stream)),
      id_(id),
      owner_(owner),
      context_(context),
      scratch_(scratch),
      reader_(pool, limits),
      max_control_bytes_(max_control_bytes) {}

void PeerLink::start() {
  read_pass();
}

void PeerLink::close() {
  if (closed_) return;
  closed_ = true;
  stream_->close();
  pause_.reset();
  reader_.release_spare();
}

void PeerLink::lost(DisconnectReason reason, std::string detail) {
  if (closed_) return;
  close();
  owner_.lost(*this, reason, std::move(detail));
}

// Reading.

void PeerLink::wait_readable() {
  if (waiting_read_ || closed_) return;
  waiting_read_ = true;
  stream_->wait_readable(shared_from_this());
}

void PeerLink::on_readable() {
  waiting_read_ = false;
  read_pass();
}

void PeerLink::buffers_returned() {
  read_pass();
}

void PeerLink::read_pass() {
  if (closed_) return;
  const auto self = shared_from_this();  // the owner may let go of it
  auto& batch = scratch_.batch;
  batch.clear();
  blocks_in_batch_ = 0;
  Pass pass;
  std::optional<End> end = read_batch(pass);
  if (!batch.empty()) owner_.received(*this, batch);
  batch.clear();
  if (closed_) return;
  if (end) return lost(end->reason, std::move(end->detail));
  if (pass.starved) {
    owner_.await_buffers(self);
  } else {
    read_on(pass.more);
  }
}

// After a pass: when it is this link's turn again.
void PeerLink::read_on(bool more) {
  const TimePoint at = owner_.listen_at(id_);
  if (at > std::chrono::steady_clock::now()) return pause_until(at);
  if (!more) return wait_readable();
  boost::asio::post(context_, [self = shared_from_this()] { self->read_pass(); });
}

// Nothing is read, so that the stream makes the peer wait.
void PeerLink::pause_until(TimePoint time) {
  if (!pause_) pause_ = std::make_unique<boost::asio::steady_timer>(context_);
  pause_->expires_at(time);
  pause_->async_wait([self = shared_from_this()](const boost::system::error_code& error) {
    if (!error) self->read_pass();
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
  auto& batch = scratch_.batch;
  std::size_t taken = 0;
  Next next = pull(batch);
  while (next == Next::need_bytes && taken < read_budget) {
    const std::uint32_t due = owner_.blocks_due(id_);
    const auto spans = reader_.prepare(due > blocks_in_batch_ ? due - blocks_in_batch_ : 0);
    if (spans.empty()) {
      pass.starved = true;
      return std::nullopt;
    }
    auto& rooms = scratch_.rooms;
    rooms.clear();
    std::size_t room = 0;
    for (const auto& span : spans) {
      rooms.push_back({span.data(), span.size()});
      room += span.size();
    }
    using What = Stream::Received::What;
    const auto got = stream_->read(rooms);
    if (got.what == What::would_block) return std::nullopt;
    if (got.what == What::end) return End{DisconnectReason::closed_by_peer, {}};
    if (got.what == What::failure) {
      return End{DisconnectReason::connection_lost, std::strerror(got.error)};
    }
    reader_.commit(got.bytes);
    taken += got.bytes;
    next = pull(batch);
    // Less than there was room for: that was all, most likely. Waiting will tell.
    if (got.bytes < room && next == Next::need_bytes) return std::nullopt;
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
  stream_->wait_writable(shared_from_this());
}

void PeerLink::on_writable() {
  waiting_write_ = false;
  blocked_ = false;
  flush();
}

void PeerLink::flush() {
  if (closed_) return;
  if (blocked_) {
    if (queue_.control_bytes(stream_->backlog()) > max_control_bytes_) {
      lost(DisconnectReason::flooding, "reads nothing of what it is told");
    }
    return;
  }
  const bool idle = !waiting_write_ && !chunk_out_ && !queue_.chunk_active();
  if (idle && queue_.blocks_waiting()) start_chunk();
  if (!closed_ && (queue_.anything_to_write() || stream_->backlog() > 0)) write();
}

// Reads the blocks of a chunk as far as that does not wait, adjacent
// ones by one call. True if there is something to write; else nothing
// was read, for an error (`failed`) or because it would wait.
bool PeerLink::read_chunk_now(std::span<const BlockRange> blocks, std::span<std::byte> data,
                              bool& failed) {
  std::size_t offset = 0;
  for (std::size_t first = 0; first < blocks.size();) {
    std::size_t end = first;
    const BlockRange range = merged_range(blocks, end);
    const Result<bool> read = owner_.read_now(range, data.subspan(offset, range.length));
    if (!read || !*read) {
      if (first > 0) {  // what is read goes out first
        queue_.shorten_chunk(first);
        return true;
      }
      if (read) return false;
      failed = true;
      queue_.shorten_chunk(end);
      const auto failed_blocks = queue_.abandon_chunk();
      owner_.not_sent(*this, failed_blocks, send_failure(read.error()));
      return false;
    }
    offset += range.length;
    first = end;
  }
  return true;
}

void PeerLink::start_chunk() {
  const auto blocks = queue_.begin_chunk(large_chunks_ ? SendBuffers::large : SendBuffers::small);
  SendBuffer data = scratch_.send_buffers.take(large_chunks_);
  bool failed = false;
  if (read_chunk_now(blocks, data->bytes(), failed)) {
    queue_.set_chunk_data(std::move(data));
    chunk_out_ = true;
  } else if (failed) {
    scratch_.send_buffers.give_back(std::move(data));
  } else {
    owner_.read_later(shared_from_this(), {blocks.begin(), blocks.end()}, std::move(data));
  }
}

void PeerLink::chunk_read(SendBuffer data, const Result<void>& result) {
  if (closed_) return scratch_.send_buffers.give_back(std::move(data));
  if (result) {
    queue_.set_chunk_data(std::move(data));
    chunk_out_ = true;
  } else {
    scratch_.send_buffers.give_back(std::move(data));
    const auto blocks = queue_.abandon_chunk();
    owner_.not_sent(*this, blocks, send_failure(result.error()));
  }
  flush();
}

void PeerLink::write() {
  auto& offered = scratch_.offered;
  auto& done = scratch_.done;
  offered.clear();
  queue_.offer(offered);
  const auto written = stream_->write(offered, done);
  if (written.error != 0) {
    return lost(DisconnectReason::connection_lost, std::strerror(written.error));
  }
  queue_.begun(written.begun);
  sent_.clear();
  queue_.done(done, sent_, scratch_.send_buffers);
  done.clear();
  const std::size_t backlog = stream_->backlog();
  blocked_ = backlog > 0 || written.begun < offered.size();
  const bool ended = chunk_out_ && backlog == 0 && !queue_.chunk_active();
  if (ended) {
    chunk_out_ = false;
    large_chunks_ = true;
  }
  if (blocked_) large_chunks_ = false;
  // After a chunk the next one waits until the stream wants more, and others have their turn.
  if (ended || blocked_) wait_writable();
  const std::size_t control = queue_.control_bytes(backlog);
  if (control > max_control_bytes_) {
    return lost(DisconnectReason::flooding, "reads nothing of what it is told");
  }
  const bool written_all = tell_written_ && control == 0;
  if (written_all) tell_written_ = false;
  if (!sent_.empty()) owner_.sent(*this, sent_);
  if (written_all && !closed_) owner_.metadata_sent(*this);
}

}  // namespace barter::link
