#include "cli/expected_hosts.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <mutex>
#include <sstream>
#include <thread>

#include "cli/text.hpp"

namespace barter::cli {
namespace {

constexpr auto look_again = std::chrono::seconds(5);

bool is_at(const Copy& copy, const std::vector<Address>& addresses, std::uint16_t port) {
  return (port == 0 || copy.port == port) &&
         std::find(addresses.begin(), addresses.end(), copy.address) != addresses.end();
}

}  // namespace

// Outlives the object while a look-up hangs.
struct ExpectedHosts::Shared {
  std::vector<HostPort> hosts;
  std::mutex mutex;
  std::vector<std::vector<Address>> addresses;  // by host
};

Result<std::vector<HostPort>> ExpectedHosts::parse(const std::string& text,
                                                   const std::string& path) {
  std::vector<HostPort> out;
  std::istringstream in(text);
  std::size_t number = 0;
  for (std::string line; std::getline(in, line);) {
    ++number;
    line.erase(std::min(line.find_first_of(" \t\r#"), line.size()));
    if (line.empty()) continue;
    std::optional<HostPort> host;
    if (const auto address = Address::parse(line)) {
      host = HostPort{to_string(*address), 0};
    } else if (const auto parsed = HostPort::parse(line, std::uint16_t{0})) {
      host = *parsed;
    }
    if (!host) {
      return Error{
          Errc::invalid_argument,
          fmt::format("{}, line {}: {} is no host", cli::quoted(path), number, cli::quoted(line))};
    }
    if (std::find(out.begin(), out.end(), *host) == out.end()) out.push_back(std::move(*host));
  }
  if (out.empty()) {
    return Error{Errc::invalid_argument, fmt::format("{} names no host", cli::quoted(path))};
  }
  return out;
}

ExpectedHosts::ExpectedHosts(std::vector<HostPort> hosts, Resolve resolve)
    : shared_(std::make_shared<Shared>()) {
  shared_->addresses.resize(hosts.size());
  bool all_known = true;
  for (std::size_t i = 0; i < hosts.size(); ++i) {
    names_.push_back(hosts[i].port == 0 ? hosts[i].host : to_string(hosts[i]));
    if (const auto address = Address::parse(hosts[i].host)) {
      shared_->addresses[i] = {*address};
    } else {
      all_known = false;
    }
  }
  shared_->hosts = std::move(hosts);
  if (all_known) return;
  // Detached: a look-up may hang for longer than anybody waits for the end of a share.
  std::thread([shared = std::weak_ptr<Shared>(shared_), resolve = std::move(resolve)] {
    while (const auto alive = shared.lock()) {
      look_up(alive, resolve);
      {
        const std::lock_guard lock(alive->mutex);
        const auto& found = alive->addresses;
        if (std::none_of(found.begin(), found.end(), [](auto& some) { return some.empty(); })) {
          return;
        }
      }
      std::this_thread::sleep_for(look_again);
    }
  }).detach();
}

void ExpectedHosts::look_up(const std::shared_ptr<Shared>& shared, const Resolve& resolve) {
  for (std::size_t i = 0; i < shared->hosts.size(); ++i) {
    {
      const std::lock_guard lock(shared->mutex);
      if (!shared->addresses[i].empty()) continue;
    }
    auto found = resolve(shared->hosts[i].host);
    const std::lock_guard lock(shared->mutex);
    shared->addresses[i] = std::move(found);
  }
}

std::vector<const Copy*> ExpectedHosts::found_among(const std::vector<Copy>& copies) const {
  std::vector<const Copy*> out(shared_->hosts.size(), nullptr);
  const std::lock_guard lock(shared_->mutex);
  for (std::size_t i = 0; i < out.size(); ++i) {
    const auto found = std::find_if(copies.begin(), copies.end(), [&](const Copy& copy) {
      return is_at(copy, shared_->addresses[i], shared_->hosts[i].port);
    });
    if (found != copies.end()) out[i] = &*found;
  }
  return out;
}

std::vector<std::string> ExpectedHosts::unresolved() const {
  std::vector<std::string> out;
  const std::lock_guard lock(shared_->mutex);
  for (std::size_t i = 0; i < names_.size(); ++i) {
    if (shared_->addresses[i].empty()) out.push_back(names_[i]);
  }
  return out;
}

}  // namespace barter::cli
