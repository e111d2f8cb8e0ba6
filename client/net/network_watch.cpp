#include "client/net/network_watch.hpp"

#include <ifaddrs.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <net/if.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>

#include "client/net/clock.hpp"
#include "client/net/endpoints.hpp"

namespace barter::net {

namespace {

// Those of the interfaces that are up, but for what no other machine can use.
std::vector<Address> usable_addresses() {
  std::vector<Address> out;
  ::ifaddrs* all = nullptr;
  if (::getifaddrs(&all) != 0) return out;
  const std::unique_ptr<::ifaddrs, void (*)(::ifaddrs*)> owner(all, ::freeifaddrs);
  for (const ::ifaddrs* one = all; one != nullptr; one = one->ifa_next) {
    constexpr unsigned up = IFF_UP | IFF_RUNNING;  // running: a cable is in it
    const auto address = from_system(one->ifa_addr);
    if (!address || (one->ifa_flags & up) != up) continue;
    if (!address->is_loopback() && !address->is_link_local()) out.push_back(*address);
  }
  std::sort(out.begin(), out.end());
  out.erase(std::unique(out.begin(), out.end()), out.end());
  return out;
}

}  // namespace

Result<void> NetworkWatch::start() {
  const auto failed = [] {
    return Error{Errc::network, std::string("cannot watch the network: ") + std::strerror(errno)};
  };
  const int descriptor =
      ::socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK, NETLINK_ROUTE);
  if (descriptor < 0) return failed();
  sockaddr_nl groups{};
  groups.nl_family = AF_NETLINK;
  groups.nl_groups = RTMGRP_LINK | RTMGRP_IPV4_IFADDR | RTMGRP_IPV6_IFADDR;
  if (::bind(descriptor, reinterpret_cast<sockaddr*>(&groups), sizeof groups) != 0) {
    const Error error = failed();
    ::close(descriptor);
    return error;
  }
  events_.assign(descriptor);
  addresses_ = usable_addresses();
  wait();
  return {};
}

void NetworkWatch::stop() {
  stopped_ = true;
  boost::system::error_code ignored;
  events_.close(ignored);
  timer_.cancel();
}

void NetworkWatch::wait() {
  events_.async_wait(
      boost::asio::posix::stream_descriptor::wait_read,
      [weak = weak_from_this()](const boost::system::error_code& error) {
        const auto self = weak.lock();
        if (error || !self || self->stopped_) return;
        // What it says does not matter, and neither does that some of it was lost.
        std::array<char, 8192> buffer{};
        while (::recv(self->events_.native_handle(), buffer.data(), buffer.size(), 0) > 0 ||
               errno == ENOBUFS) {
        }
        self->look_at(current_time() + self->options_.settle);
        self->wait();
      });
}

// One look is enough for all that happens until then.
void NetworkWatch::look_at(TimePoint when) {
  if (armed_) return;
  armed_ = true;
  timer_.expires_at(told_ ? std::max(when, told_at_ + options_.pause) : when);
  timer_.async_wait([weak = weak_from_this()](const boost::system::error_code& error) {
    const auto self = weak.lock();
    if (error || !self || self->stopped_) return;
    self->armed_ = false;
    self->look();
  });
}

void NetworkWatch::look() {
  std::vector<Address> now = usable_addresses();
  // Without any there is nobody to tell; when they come back, this is looked at again.
  if (now.empty() || now == addresses_) return;
  addresses_ = std::move(now);
  told_ = true;
  told_at_ = current_time();
  changed_();
}

}  // namespace barter::net
