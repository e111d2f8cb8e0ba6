#include "tracker/udp_server.hpp"

#include <netinet/in.h>
#include <sys/socket.h>

#include <array>
#include <atomic>
#include <cstring>
#include <optional>
#include <random>
#include <thread>

#include <fmt/format.h>
#include <spdlog/spdlog.h>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/udp.hpp>
#include <boost/asio/ip/v6_only.hpp>
#include <boost/asio/steady_timer.hpp>

#include "tracker/udp_service.hpp"

namespace barter::tracker {
namespace {

namespace asio = boost::asio;
using asio::ip::udp;
using boost::system::error_code;
using ReusePort = asio::detail::socket_option::boolean<SOL_SOCKET, SO_REUSEPORT>;

constexpr std::size_t packets_at_once = 32;
constexpr int batches_in_a_row = 8;  // before the other sockets of a thread have their turn
constexpr int receive_buffer_bytes = 4 << 20;  // asked for; the kernel may give less
constexpr auto pause_after_error = std::chrono::milliseconds(50);

udp::endpoint to_asio(const Endpoint& endpoint) {
  if (endpoint.address.is_v4()) {
    return {asio::ip::address_v4(endpoint.address.v4_bytes()), endpoint.port};
  }
  return {asio::ip::address_v6(endpoint.address.v6_bytes()), endpoint.port};
}

// Room for packets on their way in, and for the answers on their way out.
class Batch {
 public:
  Batch() {
    for (std::size_t i = 0; i < packets_at_once; ++i) {
      parts_[i] = {buffers_[i].data(), buffers_[i].size()};
    }
  }

  // How many came; nothing if there are none, or after an error.
  std::size_t receive(int socket, int& error) {
    for (std::size_t i = 0; i < packets_at_once; ++i) {
      msghdr& message = in_[i].msg_hdr;
      message = {};
      message.msg_name = &remotes_[i];
      message.msg_namelen = sizeof remotes_[i];
      message.msg_iov = &parts_[i];
      message.msg_iovlen = 1;
      message.msg_control = controls_[i].bytes.data();
      message.msg_controllen = controls_[i].bytes.size();
    }
    const int count = ::recvmmsg(socket, in_.data(), packets_at_once, MSG_DONTWAIT, nullptr);
    error = count < 0 ? errno : 0;
    return count < 0 ? 0 : static_cast<std::size_t>(count);
  }

  void answer(std::size_t count, UdpService& service, TimePoint now) {
    answers_ = 0;
    for (std::size_t i = 0; i < count; ++i) {
      msghdr& message = in_[i].msg_hdr;
      const auto remote = remote_of(i);
      const auto local = local_of(message);
      if (!remote || !local || (message.msg_flags & (MSG_TRUNC | MSG_CTRUNC)) != 0) continue;
      Packet& reply = replies_[answers_];
      service.answer({buffers_[i].data(), in_[i].msg_len}, *remote, *local, now, reply);
      if (reply.empty()) continue;
      out_parts_[answers_] = {reply.data(), reply.size()};
      msghdr& out = out_[answers_].msg_hdr;
      out = {};
      out.msg_name = message.msg_name;
      out.msg_namelen = message.msg_namelen;
      out.msg_iov = &out_parts_[answers_];
      out.msg_iovlen = 1;
      out.msg_control = message.msg_control;  // the address that was asked answers
      out.msg_controllen = message.msg_controllen;
      ++answers_;
    }
  }

  // What the kernel does not take is lost, as packets may be: the client asks again.
  void send(int socket) {
    for (std::size_t at = 0; at < answers_;) {
      const int sent =
          ::sendmmsg(socket, out_.data() + at, static_cast<unsigned>(answers_ - at), MSG_DONTWAIT);
      if (sent < 0 && errno == EINTR) continue;
      at += sent > 0 ? static_cast<std::size_t>(sent) : 1;
    }
  }

 private:
  std::optional<Endpoint> remote_of(std::size_t i) const {
    const auto* any = reinterpret_cast<const ::sockaddr*>(&remotes_[i]);
    const auto address = to_address(any);
    if (!address) return std::nullopt;
    // The port stands at the same place in both families.
    return Endpoint{*address, ntohs(reinterpret_cast<const ::sockaddr_in*>(any)->sin_port)};
  }

  // Where the packet was sent to. The same record, sent back with an answer, makes it leave from
  // there; the interface is the routing's choice again, but for link-local addresses.
  static std::optional<Address> local_of(msghdr& message) {
    for (cmsghdr* at = CMSG_FIRSTHDR(&message); at != nullptr; at = CMSG_NXTHDR(&message, at)) {
      if (at->cmsg_level == IPPROTO_IP && at->cmsg_type == IP_PKTINFO) {
        in_pktinfo info{};
        std::memcpy(&info, CMSG_DATA(at), sizeof info);
        info.ipi_ifindex = 0;
        std::memcpy(CMSG_DATA(at), &info, sizeof info);
        std::array<std::uint8_t, 4> bytes{};
        std::memcpy(bytes.data(), &info.ipi_spec_dst, bytes.size());
        return Address::v4(bytes);
      }
      if (at->cmsg_level == IPPROTO_IPV6 && at->cmsg_type == IPV6_PKTINFO) {
        in6_pktinfo info{};
        std::memcpy(&info, CMSG_DATA(at), sizeof info);
        std::array<std::uint8_t, 16> bytes{};
        std::memcpy(bytes.data(), &info.ipi6_addr, bytes.size());
        const Address address = Address::v6(bytes);
        if (!address.is_link_local()) info.ipi6_ifindex = 0;
        std::memcpy(CMSG_DATA(at), &info, sizeof info);
        return address;
      }
    }
    return std::nullopt;
  }

  struct Control {
    alignas(cmsghdr) std::array<char, CMSG_SPACE(sizeof(in6_pktinfo))> bytes;
  };

  std::array<std::array<std::byte, max_udp_packet_bytes>, packets_at_once> buffers_;
  std::array<iovec, packets_at_once> parts_{}, out_parts_{};
  std::array<mmsghdr, packets_at_once> in_{}, out_{};
  std::array<sockaddr_storage, packets_at_once> remotes_{};
  std::array<Control, packets_at_once> controls_{};
  std::array<Packet, packets_at_once> replies_;
  std::size_t answers_ = 0;
};

// One thread with a socket for each address.
class Worker {
 public:
  explicit Worker(UdpService& service) : service_(service), pause_(io_) {}
  ~Worker() { stop(); }

  // `reuse_port`: the kernel spreads clients over the sockets of several threads.
  error_code open(const Endpoint& endpoint, bool reuse_port) {
    udp::socket socket(io_);
    const auto at = to_asio(endpoint);
    error_code error, ignored;
    socket.open(at.protocol(), error);
    if (!error && reuse_port) socket.set_option(ReusePort(true), error);
    if (!error && at.address().is_v6()) socket.set_option(asio::ip::v6_only(true), error);
    if (!error) error = ask_for_addresses(socket.native_handle(), endpoint.address.is_v4());
    if (!error) socket.non_blocking(true, error);
    if (!error) socket.bind(at, error);
    if (error) return error;
    socket.set_option(asio::socket_base::receive_buffer_size(receive_buffer_bytes), ignored);
    sockets_.push_back(std::move(socket));
    return {};
  }
  std::uint16_t port() const { return sockets_.front().local_endpoint().port(); }
  bool has_sockets() const { return !sockets_.empty(); }

  void start() {
    for (udp::socket& socket : sockets_) wait(socket);
    thread_ = std::thread([this] { io_.run(); });
  }
  void stop() {
    io_.stop();
    if (thread_.joinable()) thread_.join();
  }

 private:
  static error_code ask_for_addresses(int socket, bool v4) {
    const int yes = 1;
    const int failed = v4 ? ::setsockopt(socket, IPPROTO_IP, IP_PKTINFO, &yes, sizeof yes)
                          : ::setsockopt(socket, IPPROTO_IPV6, IPV6_RECVPKTINFO, &yes, sizeof yes);
    return failed != 0 ? error_code(errno, boost::system::system_category()) : error_code();
  }

  void wait(udp::socket& socket) {
    socket.async_wait(udp::socket::wait_read, [this, &socket](error_code error) {
      if (!error) read(socket);
    });
  }

  void read(udp::socket& socket) {
    const int descriptor = socket.native_handle();
    for (int i = 0; i < batches_in_a_row; ++i) {
      int error = 0;
      const std::size_t count = batch_.receive(descriptor, error);
      if (error != 0 && error != EAGAIN && error != EINTR) return pause(socket, error);
      if (count == 0) break;
      batch_.answer(count, service_, std::chrono::steady_clock::now());
      batch_.send(descriptor);
      if (count < packets_at_once) break;
    }
    wait(socket);
  }

  // An error that lasts must not keep the thread busy.
  void pause(udp::socket& socket, int error) {
    spdlog::warn("tracker: receiving failed: {}", std::strerror(error));
    pause_.expires_after(pause_after_error);
    pause_.async_wait([this, &socket](error_code) { wait(socket); });
  }

  UdpService& service_;
  asio::io_context io_{1};
  asio::steady_timer pause_;
  std::vector<udp::socket> sockets_;
  Batch batch_;
  std::thread thread_;
};

SipKey random_key() {
  std::random_device random;
  const auto word = [&] { return std::uint64_t{random()} << 32 | random(); };
  return {word(), word()};
}

}  // namespace

class UdpServer::Impl {
 public:
  Impl(UdpServerOptions options, std::shared_ptr<Introducer> introducer)
      : options_(std::move(options)),
        introducer_(std::move(introducer)),
        service_(*introducer_, random_key()) {}
  ~Impl() { stop(); }

  Result<void> start() {
    std::vector<Endpoint> wanted;
    for (const Endpoint& endpoint : options_.listen) {
      wanted.push_back(endpoint);
      if (!endpoint.address.is_v4() && endpoint.address.is_unspecified()) {
        wanted.push_back({Address::v4({0, 0, 0, 0}), endpoint.port});
      }
    }
    if (wanted.empty()) return Error{Errc::invalid_argument, "no address to listen on"};
    const unsigned threads = std::max(1u, options_.threads);
    for (unsigned i = 0; i < threads; ++i) {
      workers_.push_back(std::make_unique<Worker>(service_));
      if (auto opened = open(*workers_.back(), wanted, threads > 1); !opened) {
        return opened.error();
      }
    }
    for (const auto& worker : workers_) worker->start();
    return {};
  }

  std::uint16_t port() const { return port_; }
  void stop() {
    for (const auto& worker : workers_) worker->stop();
  }

 private:
  Result<void> open(Worker& worker, const std::vector<Endpoint>& wanted, bool reuse_port) {
    std::optional<Error> no_family;
    for (Endpoint endpoint : wanted) {
      if (endpoint.port == wanted.front().port && port_ != 0) endpoint.port = port_;
      const error_code error = worker.open(endpoint, reuse_port);
      if (!error) {
        if (port_ == 0) port_ = worker.port();
        continue;
      }
      const auto code = error == asio::error::address_in_use  ? Errc::address_in_use
                        : error == asio::error::access_denied ? Errc::permission_denied
                                                              : Errc::network;
      Error failure{code, fmt::format("cannot listen on {} (UDP): {}", barter::to_string(endpoint),
                                      error.message())};
      // A machine without IPv6 (or without IPv4) still has the other.
      const bool absent = error == asio::error::address_family_not_supported ||
                          error == boost::system::errc::address_not_available;
      if (!absent || !endpoint.address.is_unspecified()) return failure;
      no_family = failure;
    }
    if (!worker.has_sockets()) return *no_family;
    return {};
  }

  const UdpServerOptions options_;
  const std::shared_ptr<Introducer> introducer_;
  UdpService service_;
  std::vector<std::unique_ptr<Worker>> workers_;
  std::uint16_t port_ = 0;
};

Result<std::unique_ptr<UdpServer>> UdpServer::start(UdpServerOptions options,
                                                    std::shared_ptr<Introducer> introducer) {
  auto impl = std::make_unique<Impl>(std::move(options), std::move(introducer));
  if (auto started = impl->start(); !started) return started.error();
  return std::unique_ptr<UdpServer>(new UdpServer(std::move(impl)));
}

UdpServer::UdpServer(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
UdpServer::~UdpServer() = default;
std::uint16_t UdpServer::port() const {
  return impl_->port();
}
void UdpServer::stop() {
  impl_->stop();
}

}  // namespace barter::tracker
