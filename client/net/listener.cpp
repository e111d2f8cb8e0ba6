#include "client/net/listener.hpp"

#include <fcntl.h>
#include <poll.h>
#include <spdlog/spdlog.h>
#include <sys/socket.h>
#include <unistd.h>

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/ip/v6_only.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <chrono>
#include <utility>

#include "client/link/stream_io.hpp"
#include "client/net/clock.hpp"
#include "client/net/endpoints.hpp"

namespace barter::net {

namespace {

namespace asio = boost::asio;
using asio::ip::tcp;
using boost::system::error_code;
constexpr asio::as_tuple_t<asio::use_awaitable_t<>> as_values{};

constexpr std::uint16_t default_port = 6881;
constexpr int ports_to_try = 100;
constexpr int backlog = 512;
constexpr std::chrono::milliseconds pause_after_error{50};
constexpr auto warning_interval = std::chrono::minutes(1);

int take_spare() {
  return ::open("/dev/null", O_RDONLY | O_CLOEXEC);
}

Error listen_error(const Endpoint& endpoint, const error_code& error) {
  Errc code = Errc::network;
  if (error == asio::error::address_in_use) code = Errc::address_in_use;
  if (error == asio::error::access_denied) code = Errc::permission_denied;
  return Error{code, "cannot listen on " + to_string(endpoint) + ": " + error.message()};
}

}  // namespace

// All addresses on one port, or none. `all`: the addresses are "any",
// of which one family may be missing.
Result<void> Listener::try_port(const std::vector<Address>& addresses, std::uint16_t port,
                                bool all) {
  std::vector<std::shared_ptr<Acceptor>> opened;
  std::optional<Error> family_missing;
  for (const Address& address : addresses) {
    const tcp::endpoint endpoint = to_asio(Endpoint{address, port});
    auto acceptor = std::make_shared<Acceptor>(context_);
    error_code error;
    acceptor->open(endpoint.protocol(), error);
    if (error) {  // a host without IPv6
      family_missing = listen_error({address, port}, error);
      if (all) continue;
      return *family_missing;
    }
    acceptor->set_option(Acceptor::reuse_address(true), error);
    if (!address.is_v4()) acceptor->set_option(asio::ip::v6_only(true), error);
    acceptor->bind(endpoint, error);
    if (all && error == boost::system::errc::address_not_available) continue;  // IPv6 switched off
    if (!error) acceptor->listen(backlog, error);
    if (error) return listen_error({address, port}, error);
    if (port == 0) port = acceptor->local_endpoint(error).port();
    opened.push_back(std::move(acceptor));
  }
  if (opened.empty()) return *family_missing;
  acceptors_ = std::move(opened);
  port_ = port;
  return {};
}

Result<void> Listener::open(const ListenerOptions& options) {
  const bool all = options.addresses.empty();
  const std::vector<Address> addresses =
      all ? std::vector{Address(), Address::v6({})} : options.addresses;
  const bool ephemeral = options.fixed_port && options.port == 0;
  std::uint16_t port = options.port != 0 || ephemeral ? options.port : default_port;
  Result<void> opened;
  for (int i = 0; i < ports_to_try; ++i) {
    opened = try_port(addresses, port, all);
    const bool busy = !opened && opened.error().code == Errc::address_in_use;
    if (!busy || (options.fixed_port && !ephemeral)) break;
    // An ephemeral port that is free for one family may be busy for the other: another one, then.
    if (!ephemeral) ++port;
  }
  return opened;
}

Listener::~Listener() {
  if (spare_descriptor_ >= 0) ::close(spare_descriptor_);
}

void Listener::start() {
  spare_descriptor_ = take_spare();
  for (const auto& acceptor : acceptors_) {
    asio::co_spawn(context_, accept(shared_from_this(), acceptor), asio::detached);
  }
}

void Listener::stop() {
  asio::post(context_, [self = shared_from_this()] {
    self->stopped_ = true;
    error_code ignored;
    for (const auto& acceptor : self->acceptors_) acceptor->close(ignored);
    for (const auto& stranger : self->strangers_) stranger->close();
  });
}

void Listener::adopt(int descriptor, Endpoint remote, std::string received) {
  asio::post(context_, [self = shared_from_this(), descriptor, remote,
                        received = std::move(received)]() mutable {
    tcp::socket socket(self->context_);
    error_code error;
    socket.assign(remote.address.is_v4() ? tcp::v4() : tcp::v6(), descriptor, error);
    if (error) {
      ::close(descriptor);
      return;
    }
    auto stream = std::make_unique<link::TcpStream>(std::move(socket));
    stream->put_back(as_bytes(received));
    self->admit(std::move(stream), remote);
  });
}

void Listener::admit(std::unique_ptr<link::Stream> stream, Endpoint remote) {
  if (stopped_) return;
  const auto stranger = hear_from(std::move(stream), context_, remote, room_);
  strangers_.insert(stranger);
  asio::co_spawn(context_, route(shared_from_this(), stranger), asio::detached);
}

asio::awaitable<void> Listener::accept(std::shared_ptr<Listener> self,
                                       std::shared_ptr<Acceptor> acceptor) {
  asio::steady_timer pause(self->context_);
  while (!self->stopped_) {
    tcp::socket socket(self->context_);
    tcp::endpoint remote;
    const auto accepted = co_await acceptor->async_accept(socket, remote, as_values);
    const error_code error = std::get<0>(accepted);
    if (self->stopped_ || !acceptor->is_open()) co_return;
    if (!error) {
      self->admit(std::make_unique<link::TcpStream>(std::move(socket)), from_asio(remote));
      continue;
    }
    if (error == asio::error::connection_aborted) continue;
    if (error == asio::error::no_descriptors || error == std::errc::too_many_files_open_in_system) {
      self->no_descriptor(*acceptor);
    }
    pause.expires_after(pause_after_error);
    const auto paused = co_await pause.async_wait(as_values);
    static_cast<void>(paused);
  }
}

// Whoever has waited longest for its handshake makes room. Where nobody waits, nobody is let in.
// accept() takes a descriptor before it looks whether anybody is there: nobody goes for no one.
void Listener::no_descriptor(Acceptor& acceptor) {
  pollfd caller{acceptor.native_handle(), POLLIN, 0};
  if (::poll(&caller, 1, 0) <= 0) return;
  if (!room_.make_room()) turn_away(acceptor);
  const TimePoint now = current_time();
  if (now - warned_ < warning_interval) return;
  warned_ = now;
  spdlog::warn(
      "no descriptor is left for incoming peers; raise the limit of open files (ulimit -n)");
}

void Listener::turn_away(Acceptor& acceptor) {
  if (spare_descriptor_ >= 0) {
    ::close(spare_descriptor_);
    for (int i = 0; i < backlog; ++i) {
      const int refused = ::accept4(acceptor.native_handle(), nullptr, nullptr, SOCK_CLOEXEC);
      if (refused < 0) break;
      ::close(refused);
    }
  }
  spare_descriptor_ = take_spare();
}

asio::awaitable<void> Listener::route(std::shared_ptr<Listener> self,
                                      std::shared_ptr<Handshaking> stranger) {
  set_deadline(stranger, handshake_timeout);
  link::Stream& stream = *stranger->stream;
  std::vector<std::byte> received;
  bool good = true;
  while (good && received.size() < wire::handshake_head_length) {
    good = co_await link::read_some(stream, received, wire::handshake_length - received.size());
    good = good && wire::may_be_handshake(received);
  }
  stranger->deadline.cancel();
  self->strangers_.erase(stranger);
  if (!good || self->stopped_) {
    stranger->close();
    co_return;
  }
  const WireInfoHash info_hash =
      wire::handshake_info_hash(std::span(received).first<wire::handshake_head_length>());
  stream.put_back(received);
  self->deliver_(info_hash, std::move(stranger->stream), stranger->remote);
}

}  // namespace barter::net
