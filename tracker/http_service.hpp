// HttpService: what the tracker's HTTP server answers, without its sockets: a request in, a reply
// out. Owns the registry and its lock. May be called from any thread.
#pragma once

#include <atomic>
#include <chrono>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <vector>

#include "torrent/endpoint.hpp"
#include "torrent/random.hpp"
#include "tracker/http_server.hpp"
#include "tracker/reachability.hpp"
#include "tracker/registry.hpp"

namespace barter::tracker {

struct HttpRequest {
  std::string_view target;         // as it stands in the request line
  std::string_view host;           // the Host header
  std::string_view forwarded_for;  // all X-Forwarded-For headers, joined by commas
  Endpoint remote, local;
};

// Counters of the server, for /stats.
struct ConnectionStats {
  std::atomic<std::uint64_t> open{0}, accepted{0}, shed{0}, handed_on{0}, requests{0};
};

class HttpService {
 public:
  // `seed` keys the tables and the choice of peers.
  static Result<std::unique_ptr<HttpService>> make(const HttpServerOptions& options,
                                                   std::uint64_t seed);

  // A GET. `now` is the steady clock's.
  HttpReply answer(const HttpRequest& request, TimePoint now);
  // Connections from there are not counted against one address: many askers stand behind it.
  bool spared(const Address& address) const;

  void allow(std::vector<WireInfoHash> info_hashes);
  RegistryStats registry_stats();
  ScrapeEntry scrape(const WireInfoHash& info_hash, TimePoint now);
  ConnectionStats& connections() { return connections_; }

  // Now and then: forgets silent members, a slice at a time, and looks at the machine's addresses
  // again.
  void expire(TimePoint now);
  void refresh_own_addresses();

 private:
  using Addresses = std::shared_ptr<const std::vector<Address>>;
  HttpService(const HttpServerOptions& options, std::vector<AddressBlock> proxies,
              std::uint64_t seed);
  std::string announce(std::string_view query, const HttpRequest& request, TimePoint now);
  std::string scrape_reply(std::string_view query, TimePoint now);
  Address reached_address(const HttpRequest& request, const Address& asker,
                          std::span<const Address> own) const;
  std::string stats(TimePoint now);
  std::vector<Endpoint> as_seen_by(const Viewpoint& view,
                                   const std::vector<Endpoint>& members) const;
  Addresses own_addresses();

  const HttpServerOptions& options_;
  const std::vector<AddressBlock> proxies_;
  std::mutex mutex_;  // of all below but the counters
  Registry registry_;
  Random random_;
  Addresses own_addresses_;
  TimePoint started_{};
  ConnectionStats connections_;
};

}  // namespace barter::tracker
