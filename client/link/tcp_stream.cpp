#include "client/link/tcp_stream.hpp"

#include <netinet/tcp.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <bit>
#include <boost/asio/as_tuple.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <cerrno>
#include <utility>

namespace barter::link {

namespace asio = boost::asio;
using boost::system::error_code;

namespace {
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
}  // namespace

TcpStream::TcpStream(Socket socket) : socket_(std::move(socket)) {
  if (socket_.is_open()) set_options();
}

// Non-blocking, no delay, little unsent.
void TcpStream::set_options() {
  descriptor_ = socket_.native_handle();
  error_code ignored;
  socket_.non_blocking(true, ignored);
  socket_.set_option(asio::ip::tcp::no_delay(true), ignored);
  set_unsent_low_water(descriptor_, unsent_least);
}

asio::awaitable<error_code> TcpStream::connect(asio::ip::tcp::endpoint endpoint) {
  const auto connected =
      co_await socket_.async_connect(endpoint, asio::as_tuple(asio::use_awaitable));
  const error_code error = std::get<0>(connected);
  if (!error) set_options();
  co_return error;
}

bool TcpStream::move_to(asio::io_context& context) {
  error_code error;
  const auto protocol = socket_.local_endpoint(error).protocol();
  if (!error) descriptor_ = socket_.release(error);
  if (error) return false;
  Socket moved(context);
  moved.assign(protocol, descriptor_, error);
  if (error) {
    ::close(std::exchange(descriptor_, -1));
    return false;
  }
  socket_ = std::move(moved);
  return true;
}

void TcpStream::close() {
  error_code ignored;
  socket_.close(ignored);
  descriptor_ = -1;
}

// Reading.

Stream::Received TcpStream::receive(std::span<const iovec> rooms) {
  ssize_t got = 0;
  do {
    got = ::readv(descriptor_, rooms.data(), static_cast<int>(rooms.size()));
  } while (got < 0 && errno == EINTR);
  using What = Received::What;
  if (got > 0) return {What::bytes, static_cast<std::size_t>(got), 0};
  if (got == 0) return {What::end, 0, 0};
  return {would_block(errno) ? What::would_block : What::failure, 0, errno};
}

// A wait that was cancelled is over, too: the waiter finds out when it reads.
void TcpStream::wait_for_bytes(std::shared_ptr<Waiter> waiter, bool at_once) {
  if (at_once) {
    asio::post(socket_.get_executor(), [waiter = std::move(waiter)] { waiter->on_readable(); });
  } else {
    socket_.async_wait(Socket::wait_read,
                       [waiter = std::move(waiter)](const error_code&) { waiter->on_readable(); });
  }
}

// Writing.

void TcpStream::wait_writable(std::shared_ptr<Waiter> waiter) {
  socket_.async_wait(Socket::wait_write,
                     [waiter = std::move(waiter)](const error_code&) { waiter->on_writable(); });
}

// The rest of it, behind what is in `vectors_`.
void TcpStream::append(Segment& segment, std::size_t from) {
  for (const std::span<std::byte> part : {segment.head(), segment.body()}) {
    if (from < part.size()) vectors_.push_back({part.data() + from, part.size() - from});
    from -= std::min(from, part.size());
  }
}

Stream::Written TcpStream::write(std::span<Segment* const> offered, std::vector<Segment>& done) {
  vectors_.clear();
  if (begun_) append(*begun_, begun_bytes_);
  for (Segment* segment : offered) append(*segment, 0);
  msghdr header{};
  header.msg_iov = vectors_.data();
  header.msg_iovlen = vectors_.size();
  ssize_t wrote = 0;
  do {
    wrote = ::sendmsg(descriptor_, &header, MSG_NOSIGNAL);
  } while (wrote < 0 && errno == EINTR);
  if (wrote < 0) {
    if (!would_block(errno)) return {0, errno};
    wrote = 0;
  }
  follow_rate(static_cast<std::size_t>(wrote));
  return {account(offered, static_cast<std::size_t>(wrote), done), 0};
}

// What becomes of the segments after so many bytes; how many of those offered are begun.
std::size_t TcpStream::account(std::span<Segment* const> offered, std::size_t bytes,
                               std::vector<Segment>& done) {
  if (begun_) {
    const std::size_t left = begun_->size() - begun_bytes_;
    if (bytes < left) {
      begun_bytes_ += bytes;
      return 0;
    }
    bytes -= left;
    done.push_back(std::move(*begun_));
    begun_.reset();
  }
  std::size_t begun = 0;
  for (; begun < offered.size() && bytes >= offered[begun]->size(); ++begun) {
    bytes -= offered[begun]->size();
    done.push_back(std::move(*offered[begun]));
  }
  if (bytes == 0) return begun;
  begun_ = std::move(*offered[begun]);
  begun_bytes_ = bytes;
  return begun + 1;
}

void TcpStream::follow_rate(std::size_t wrote) {
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

}  // namespace barter::link
