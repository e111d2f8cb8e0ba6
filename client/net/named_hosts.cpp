#include "client/net/named_hosts.hpp"

#include <algorithm>
#include <boost/asio/as_tuple.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <string>
#include <utility>

#include "client/net/clock.hpp"

namespace barter::net {

namespace asio = boost::asio;

NamedHosts::NamedHosts(asio::io_context& context, NameResolver& names, Found found, Told told)
    : context_(context), names_(names), found_(std::move(found)), told_(std::move(told)) {}

void NamedHosts::add(const std::vector<HostPort>& hosts) {
  std::vector<Endpoint> known;
  for (const HostPort& host : hosts) {
    if (const auto address = Address::parse(host.host)) {
      known.push_back({*address, host.port});
    } else if (!stopped_ && std::find(looking_.begin(), looking_.end(), host) == looking_.end()) {
      looking_.push_back(host);
      asio::co_spawn(context_, look_for(shared_from_this(), host), asio::detached);
    }
  }
  if (!known.empty() && !stopped_) found_(std::move(known));
}

void NamedHosts::stop() {
  stopped_ = true;
  for (const auto& pause : std::exchange(pauses_, {}))
    if (const auto timer = pause.lock()) timer->cancel();
}

asio::awaitable<void> NamedHosts::look_for(std::shared_ptr<NamedHosts> self, HostPort host) {
  const auto timer = std::make_shared<asio::steady_timer>(self->context_);
  std::erase_if(self->pauses_, [](const auto& pause) { return pause.expired(); });
  self->pauses_.push_back(timer);
  std::string told;
  for (Duration pause = pause_min;; pause = std::min(2 * pause, pause_max)) {
    const TimePoint deadline = current_time() + patience;
    const auto found = co_await self->names_.resolve(self->context_, host.host, deadline);
    if (self->stopped_) co_return;
    if (found) {
      std::erase(self->looking_, host);
      if (!told.empty()) self->told_(host, std::nullopt);
      std::vector<Endpoint> endpoints;
      for (const Address& address : *found) endpoints.push_back({address, host.port});
      self->found_(std::move(endpoints));
      co_return;
    }
    if (found.error().message != std::exchange(told, found.error().message))
      self->told_(host, found.error());
    timer->expires_after(pause);
    co_await timer->async_wait(asio::as_tuple(asio::use_awaitable));
    if (self->stopped_) co_return;
  }
}

}  // namespace barter::net
