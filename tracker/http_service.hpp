// HttpService: what the tracker's HTTP server answers, without its sockets: a request in, a reply
// out. May be called from any thread.
#pragma once

#include <atomic>
#include <chrono>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "torrent/endpoint.hpp"
#include "tracker/http_server.hpp"
#include "tracker/introducer.hpp"
#include "tracker/reachability.hpp"

namespace barter::tracker {

struct HttpRequest {
  std::string_view target;         // as it stands in the request line
  std::string_view host;           // the Host header
  std::string_view forwarded_for;  // what proxies say: forwarded_chain()
  std::string_view if_none_match;
  Endpoint remote, local;
};

// Counters of the server, for /stats.
struct ConnectionStats {
  std::atomic<std::uint64_t> open{0}, accepted{0}, shed{0}, handed_on{0}, requests{0};
};

class HttpService {
 public:
  // Both arguments outlive it.
  static Result<std::unique_ptr<HttpService>> make(const HttpServerOptions& options,
                                                   Introducer& introducer);

  // A GET. `now` is the steady clock's.
  HttpReply answer(const HttpRequest& request, TimePoint now);
  // A listed proxy: many askers stand behind it.
  bool is_proxy(const Address& address) const;

  ConnectionStats& connections() { return connections_; }

 private:
  HttpService(const HttpServerOptions& options, Introducer& introducer,
              std::vector<AddressBlock> proxies);
  std::string announce(std::string_view query, const HttpRequest& request, TimePoint now);
  std::string scrape_reply(std::string_view query, TimePoint now);
  Address reached_address(const HttpRequest& request, const Address& asker,
                          std::span<const Address> own) const;
  std::string stats(TimePoint now);

  const HttpServerOptions& options_;
  Introducer& introducer_;
  const std::vector<AddressBlock> proxies_;
  const TimePoint started_;
  ConnectionStats connections_;
};

}  // namespace barter::tracker
