#include "client/net/local_discovery.hpp"

#include <ifaddrs.h>
#include <net/if.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include <fmt/format.h>
#include <algorithm>
#include <boost/asio/post.hpp>
#include <cerrno>
#include <chrono>
#include <cstring>
#include <random>
#include <utility>

#include "client/net/clock.hpp"
#include "client/net/endpoints.hpp"
#include "client/wire/local_announce.hpp"

namespace barter::net {

namespace asio = boost::asio;
using asio::ip::udp;
using boost::system::error_code;

namespace {

constexpr unsigned max_errors = 100;  // of a socket; then it is left alone

std::string random_cookie() {
  std::random_device device;
  return fmt::format("{:08x}{:08x}", device(), device());
}

template <class T>
bool set_option(int descriptor, int level, int name, const T& value) {
  return ::setsockopt(descriptor, level, name, &value, sizeof value) == 0;
}

udp::endpoint group_endpoint(bool v6) {
  const Endpoint group = wire::local_group(v6);
  return {to_asio(group.address), group.port};
}

// A network segment: not a tunnel. Loopback only where there is nothing else.
bool is_segment(const ifaddrs& entry, bool v6) {
  constexpr unsigned wanted = IFF_UP | IFF_MULTICAST;
  return entry.ifa_addr != nullptr && entry.ifa_addr->sa_family == (v6 ? AF_INET6 : AF_INET) &&
         (entry.ifa_flags & wanted) == wanted && (entry.ifa_flags & IFF_POINTOPOINT) == 0;
}

bool is_loopback(const ifaddrs& entry, bool v6) {
  return entry.ifa_addr != nullptr && entry.ifa_addr->sa_family == (v6 ? AF_INET6 : AF_INET) &&
         (entry.ifa_flags & (IFF_UP | IFF_LOOPBACK)) == (IFF_UP | IFF_LOOPBACK);
}

}  // namespace

LocalDiscovery::LocalDiscovery(asio::io_context& context, LocalDiscoveryOptions options,
                               Found found)
    : context_(context),
      options_(std::move(options)),
      found_(std::move(found)),
      cookie_(random_cookie()),
      timer_(context) {}

LocalDiscovery::~LocalDiscovery() = default;

void LocalDiscovery::begin(const WireInfoHash& info_hash) {
  asio::post(context_, [self = shared_from_this(), info_hash] {
    if (self->stopped_) return;
    Torrent& torrent = self->torrents_[info_hash];
    if (torrent.active) return;
    const TimePoint now = current_time();
    torrent.active = true;
    torrent.due = now + self->options_.first_after;
    if (torrent.announced != TimePoint{})
      torrent.due = std::max(torrent.due, torrent.announced + self->options_.pause);
    self->open();
    self->arm();
  });
}

// What was announced within the last minute is remembered, so that it is not announced too often.
void LocalDiscovery::end(const WireInfoHash& info_hash) {
  asio::post(context_, [self = shared_from_this(), info_hash] {
    const TimePoint now = current_time();
    if (const auto found = self->torrents_.find(info_hash); found != self->torrents_.end()) {
      found->second.active = false;
      found->second.due = never;
    }
    std::erase_if(self->torrents_, [&](const auto& entry) {
      return !entry.second.active && now - entry.second.announced > self->options_.pause;
    });
  });
}

void LocalDiscovery::stop() {
  asio::post(context_, [self = shared_from_this()] {
    self->stopped_ = true;
    self->timer_.cancel();
    error_code ignored;
    for (const auto& group : self->groups_) group->socket.close(ignored);
    self->groups_.clear();
  });
}

// ---- sockets

void LocalDiscovery::open() {
  if (std::exchange(opened_, true)) return;
  for (const bool v6 : {false, true}) {
    const auto group = std::make_shared<Group>(context_, v6);
    if (!open(*group)) continue;
    groups_.push_back(group);
    receive(group);
  }
}

// Bound to the group's address, so that nothing else comes in.
bool LocalDiscovery::open(Group& group) {
  error_code error;
  group.socket.open(group.v6 ? udp::v6() : udp::v4(), error);
  if (error) return false;
  const int descriptor = group.socket.native_handle();
  const int one = 1, zero = 0;
  set_option(descriptor, SOL_SOCKET, SO_REUSEADDR, one);  // other clients listen there too
  if (group.v6) {
    set_option(descriptor, IPPROTO_IPV6, IPV6_V6ONLY, one);
    set_option(descriptor, IPPROTO_IPV6, IPV6_MULTICAST_HOPS, one);
    set_option(descriptor, IPPROTO_IPV6, IPV6_MULTICAST_ALL, zero);
  } else {
    set_option(descriptor, IPPROTO_IP, IP_MULTICAST_TTL, one);
    set_option(descriptor, IPPROTO_IP, IP_MULTICAST_ALL, zero);
  }
  group.socket.bind(group_endpoint(group.v6), error);
  group.socket.non_blocking(true, error);
  return !error;
}

std::vector<LocalDiscovery::Interface> LocalDiscovery::interfaces(bool v6) const {
  ifaddrs* list = nullptr;
  if (::getifaddrs(&list) != 0) return {};
  std::vector<Interface> segments, loopbacks;
  for (const ifaddrs* entry = list; entry != nullptr; entry = entry->ifa_next) {
    const bool loopback = is_loopback(*entry, v6);
    if (!loopback && !is_segment(*entry, v6)) continue;
    const Interface one{::if_nametoindex(entry->ifa_name), *from_system(entry->ifa_addr)};
    const auto& ours = options_.addresses;
    if (!ours.empty() && std::find(ours.begin(), ours.end(), one.address) == ours.end()) continue;
    auto& out = loopback ? loopbacks : segments;
    const bool known = std::any_of(
        out.begin(), out.end(), [&](const Interface& other) { return other.number == one.number; });
    if (one.number != 0 && !known) out.push_back(one);
  }
  ::freeifaddrs(list);
  return segments.empty() ? loopbacks : segments;
}

void LocalDiscovery::join(Group& group, const std::vector<Interface>& interfaces) {
  const int descriptor = group.socket.native_handle();
  const udp::endpoint address = group_endpoint(group.v6);
  group.joined.clear();
  for (const Interface& interface : interfaces) {
    group_req request{};
    request.gr_interface = interface.number;
    std::memcpy(&request.gr_group, address.data(), address.size());
    // One that was joined before says so.
    if (set_option(descriptor, group.v6 ? IPPROTO_IPV6 : IPPROTO_IP, MCAST_JOIN_GROUP, request) ||
        errno == EADDRINUSE)
      group.joined.push_back(interface);
  }
}

// ---- announcing

void LocalDiscovery::arm() {
  TimePoint next = never;
  for (const auto& [hash, torrent] : torrents_) next = std::min(next, torrent.due);
  if (next == never) return;
  timer_.expires_at(next);
  timer_.async_wait([weak = weak_from_this()](const error_code& error) {
    const auto self = weak.lock();
    if (error || !self || self->stopped_) return;
    self->announce_due();
    self->arm();
  });
}

void LocalDiscovery::announce_due() {
  const TimePoint now = current_time();
  std::vector<WireInfoHash> hashes;
  for (auto& [hash, torrent] : torrents_) {
    // Those due soon go with the others: a datagram for many.
    if (torrent.due == never || torrent.due > now + options_.first_after) continue;
    if (torrent.announced != TimePoint{} && now - torrent.announced < options_.pause) continue;
    torrent.announced = now;
    torrent.due = now + options_.interval;
    hashes.push_back(hash);
  }
  announce(std::move(hashes));
}

void LocalDiscovery::announce(std::vector<WireInfoHash> hashes) {
  for (const auto& group : groups_) join(*group, interfaces(group->v6));
  wire::LocalAnnounce message;
  message.port = options_.port;
  message.cookie = cookie_;
  for (std::size_t at = 0; at < hashes.size(); at += wire::max_local_info_hashes) {
    const std::size_t end = std::min(at + wire::max_local_info_hashes, hashes.size());
    message.info_hashes.assign(hashes.begin() + static_cast<std::ptrdiff_t>(at),
                               hashes.begin() + static_cast<std::ptrdiff_t>(end));
    for (const auto& group : groups_) {
      const std::string datagram = to_datagram(message, group->v6);
      for (const Interface& interface : group->joined) send(*group, interface, datagram);
    }
  }
}

void LocalDiscovery::send(Group& group, const Interface& interface, const std::string& datagram) {
  const int descriptor = group.socket.native_handle();
  if (group.v6) {
    if (!set_option(descriptor, IPPROTO_IPV6, IPV6_MULTICAST_IF, interface.number)) return;
  } else {
    ip_mreqn out{};
    out.imr_ifindex = static_cast<int>(interface.number);
    const auto bytes = interface.address.v4_bytes();  // of loopback the kernel would choose none
    std::memcpy(&out.imr_address, bytes.data(), bytes.size());
    if (!set_option(descriptor, IPPROTO_IP, IP_MULTICAST_IF, out)) return;
  }
  error_code ignored;  // the next announce comes
  group.socket.send_to(asio::buffer(datagram), group_endpoint(group.v6), 0, ignored);
}

// ---- hearing

void LocalDiscovery::receive(const std::shared_ptr<Group>& group) {
  group->socket.async_receive_from(
      asio::buffer(group->received), group->from,
      [weak = weak_from_this(), group](const error_code& error, std::size_t size) {
        const auto self = weak.lock();
        if (!self || self->stopped_ || error == asio::error::operation_aborted) return;
        if (!error) self->heard(*group, size);
        if (error && ++group->errors == max_errors) return;
        self->receive(group);
      });
}

void LocalDiscovery::heard(const Group& group, std::size_t size) {
  const auto message = wire::parse_local_announce({group.received.data(), size});
  if (!message || message->cookie == cookie_) return;
  const Endpoint peer{from_asio(group.from.address()), message->port};
  // An IPv6 address of one link alone means nothing without the link.
  if (!peer.address.is_v4() && peer.address.is_link_local()) return;
  for (const WireInfoHash& hash : message->info_hashes) {
    const auto found = torrents_.find(hash);
    if (found != torrents_.end() && found->second.active) found_(hash, peer);
  }
}

}  // namespace barter::net
