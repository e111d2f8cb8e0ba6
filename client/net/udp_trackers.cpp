#include "client/net/udp_trackers.hpp"

#include <linux/errqueue.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include <algorithm>
#include <boost/asio/as_tuple.hpp>
#include <boost/asio/ip/v6_only.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <cstring>

#include "client/net/clock.hpp"
#include "client/net/endpoints.hpp"

namespace barter::net {

namespace asio = boost::asio;
using asio::ip::udp;
using boost::system::error_code;
using tracker::IpFamily;
using tracker::Packet;

namespace {

constexpr asio::as_tuple_t<asio::use_awaitable_t<>> as_values{};

udp::endpoint to_udp(const Endpoint& endpoint) {
  return {to_asio(endpoint.address), endpoint.port};
}

Error network_error(const std::string& what) {
  return {Errc::network, what};
}

}  // namespace

void UdpTrackers::stop() {
  stopped_ = true;
  for (const auto& one : {&v4_, &v6_}) {
    error_code ignored;
    if (*one) (*one)->udp.close(ignored);
  }
  for (const auto& [transaction, question] : questions_) question->timer.cancel();
}

asio::awaitable<Result<tracker::UdpAnnounced>> UdpTrackers::announce(
    std::vector<Endpoint> addresses, tracker::UdpAnnounce what, Duration first_timeout,
    TimePoint deadline) {
  const auto self = shared_from_this();
  Duration timeout = first_timeout;
  bool refused_once = false;
  for (std::size_t place = 0; !self->stopped_;) {
    const Endpoint to = addresses[place % addresses.size()];
    const TimePoint now = current_time();
    if (now >= deadline) break;
    const auto id = self->connection_id(to, now);
    const std::uint32_t transaction = self->new_transaction();
    Packet packet;
    if (!id) {
      tracker::write_udp_connect(transaction, packet);
    } else if (auto written = tracker::write_udp_announce(*id, transaction, what, packet);
               !written) {
      co_return written.error();
    }
    const TimePoint until = std::min(deadline, now + timeout);
    auto answer = co_await ask(self, to, !id, transaction, std::move(packet), until);
    if (!answer) {
      // Nobody there, or no way there: another of its addresses may do.
      if (answer.error().code == Errc::timed_out) {
        timeout *= 2;
        ++place;
        continue;
      }
      if (++place >= addresses.size()) co_return answer.error();
      continue;
    }
    if (const auto* connected = std::get_if<tracker::UdpConnected>(&answer->body)) {
      self->keep(to, connected->connection_id, current_time());
      timeout = first_timeout;
    } else if (auto* announced = std::get_if<tracker::UdpAnnounced>(&answer->body)) {
      co_return std::move(*announced);
    } else if (const auto* error = std::get_if<tracker::UdpError>(&answer->body)) {
      // It may be the id, which a tracker that began anew does not know.
      self->connections_.erase(to);
      if (!id || refused_once) co_return Error{Errc::rejected, error->message};
      refused_once = true;
    }
  }
  co_return Error{Errc::timed_out, "no reply in time"};
}

asio::awaitable<UdpTrackers::Answer> UdpTrackers::ask(std::shared_ptr<UdpTrackers> self,
                                                      Endpoint to, bool connects,
                                                      std::uint32_t transaction, Packet packet,
                                                      TimePoint deadline) {
  const auto question = std::make_shared<Question>(self->context_);
  question->to = to;
  question->connects = connects;
  question->timer.expires_at(deadline);
  self->questions_[transaction] = question;
  if (auto sent = self->send(to, packet); !sent) {
    self->questions_.erase(transaction);
    co_return sent.error();
  }
  if (!question->answer) {
    const auto waited = co_await question->timer.async_wait(as_values);
    static_cast<void>(waited);
  }
  self->questions_.erase(transaction);
  if (question->answer) co_return std::move(*question->answer);
  co_return Error{Errc::timed_out, "no reply in time"};
}

Result<void> UdpTrackers::open(IpFamily family) {
  auto& place = socket(family);
  if (place && place->udp.is_open()) return {};
  if (stopped_) return network_error("closed");
  place = std::make_unique<Socket>(context_);
  udp::socket& opened = place->udp;
  const bool v4 = family == IpFamily::v4;
  Endpoint source{v4 ? Address::v4({}) : Address::v6({}), 0};
  for (const Address& ours : options_.connect_from) {
    if (ours.is_v4() == v4) {
      source.address = ours;
      break;
    }
  }
  error_code error;
  opened.open(v4 ? udp::v4() : udp::v6(), error);
  if (!error && !v4) opened.set_option(asio::ip::v6_only(true), error);
  if (!error) opened.non_blocking(true, error);
  if (!error) opened.bind(to_udp(source), error);
  if (error) {
    place.reset();
    return network_error("cannot open a UDP socket: " + error.message());
  }
  // With it the kernel says which of the trackers could not be reached, and not only that one was.
  const int yes = 1;
  v4 ? ::setsockopt(opened.native_handle(), IPPROTO_IP, IP_RECVERR, &yes, sizeof yes)
     : ::setsockopt(opened.native_handle(), IPPROTO_IPV6, IPV6_RECVERR, &yes, sizeof yes);
  receive(family);
  return {};
}

Result<void> UdpTrackers::send(const Endpoint& to, const Packet& packet) {
  const IpFamily family = tracker::family_of(to.address);
  if (!has_source(options_.connect_from, to)) return network_error("no address to send from");
  if (auto opened = open(family); !opened) return opened.error();
  error_code error;
  // The first try may bring the error of a former packet.
  for (int i = 0; i < 2; ++i) {
    socket(family)->udp.send_to(asio::buffer(packet), to_udp(to), 0, error);
    if (!error) return {};
    read_errors(family);
  }
  // A full buffer loses it, as a network may: it is sent again when the answer does not come.
  if (error == asio::error::would_block || error == asio::error::no_buffer_space) return {};
  return network_error("cannot send: " + error.message());
}

void UdpTrackers::receive(IpFamily family) {
  Socket& from = *socket(family);
  from.udp.async_receive_from(
      asio::buffer(from.buffer), from.from,
      [weak = weak_from_this(), family](const error_code& error, std::size_t bytes) {
        const auto self = weak.lock();
        if (!self || self->stopped_ || error == asio::error::operation_aborted) return;
        if (error) {
          self->read_errors(family);
        } else {
          self->received(family, bytes);
        }
        self->receive(family);
      });
}

void UdpTrackers::received(IpFamily family, std::size_t bytes) {
  const Socket& from = *socket(family);
  auto reply = tracker::parse_udp_reply(std::span(from.buffer).first(bytes), family);
  if (!reply) return;
  const auto found = questions_.find(reply->transaction);
  if (found == questions_.end() || found->second->answer) return;
  if (found->second->to != from_asio(from.from)) return;  // an impostor, or a lucky guess
  // An answer to something else is none: only time ends a question that is not answered.
  const bool fits =
      std::holds_alternative<tracker::UdpError>(reply->body) ||
      (found->second->connects ? std::holds_alternative<tracker::UdpConnected>(reply->body)
                               : std::holds_alternative<tracker::UdpAnnounced>(reply->body));
  if (!fits) return;
  found->second->answer = std::move(*reply);
  found->second->timer.cancel();
}

// What routers and hosts said of our packets ("port unreachable"): the tracker that each was sent
// to need not be waited for.
void UdpTrackers::read_errors(IpFamily family) {
  const int descriptor = socket(family)->udp.native_handle();
  for (int i = 0; i < 64; ++i) {
    sockaddr_storage to{};
    std::array<char, 512> control{};
    std::array<char, 64> data{};
    iovec part{data.data(), data.size()};
    msghdr message{};
    message.msg_name = &to;
    message.msg_namelen = sizeof to;
    message.msg_iov = &part;
    message.msg_iovlen = 1;
    message.msg_control = control.data();
    message.msg_controllen = control.size();
    if (::recvmsg(descriptor, &message, MSG_ERRQUEUE | MSG_DONTWAIT) < 0) return;
    for (cmsghdr* at = CMSG_FIRSTHDR(&message); at != nullptr; at = CMSG_NXTHDR(&message, at)) {
      const bool ours = (at->cmsg_level == IPPROTO_IP && at->cmsg_type == IP_RECVERR) ||
                        (at->cmsg_level == IPPROTO_IPV6 && at->cmsg_type == IPV6_RECVERR);
      if (!ours || message.msg_namelen == 0) continue;
      sock_extended_err what{};
      std::memcpy(&what, CMSG_DATA(at), sizeof what);
      udp::endpoint endpoint;
      std::memcpy(endpoint.data(), &to,
                  std::min<std::size_t>(message.msg_namelen, endpoint.capacity()));
      fail(from_asio(endpoint), std::strerror(static_cast<int>(what.ee_errno)));
    }
  }
}

void UdpTrackers::fail(const Endpoint& to, const std::string& message) {
  for (const auto& [transaction, question] : questions_) {
    if (question->to != to || question->answer) continue;
    question->answer = network_error("cannot be reached: " + message);
    question->timer.cancel();
  }
}

std::uint32_t UdpTrackers::new_transaction() {
  for (;;) {
    const std::uint32_t out = random_();
    if (!questions_.contains(out)) return out;
  }
}

std::optional<std::uint64_t> UdpTrackers::connection_id(const Endpoint& to, TimePoint now) {
  const auto found = connections_.find(to);
  if (found == connections_.end()) return std::nullopt;
  if (now - found->second.received < options_.connection_id_lifetime) return found->second.id;
  connections_.erase(found);
  return std::nullopt;
}

void UdpTrackers::keep(const Endpoint& to, std::uint64_t id, TimePoint now) {
  if (connections_.size() >= options_.max_connection_ids) {
    const auto oldest = std::min_element(
        connections_.begin(), connections_.end(),
        [](const auto& a, const auto& b) { return a.second.received < b.second.received; });
    connections_.erase(oldest);
  }
  connections_[to] = {id, now};
}

}  // namespace barter::net
