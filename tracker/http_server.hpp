// HttpServer: announce, scrape and /stats over HTTP (Beast), on its own threads. What is neither
// goes to a handler, so that `share` serves its .torrent files on the same port; and a connection
// that does not begin with an HTTP method is handed on, so that peers share it too.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "torrent/endpoint.hpp"
#include "torrent/result.hpp"
#include "tracker/registry.hpp"

namespace barter::tracker {

class Introducer;

struct HttpReply {
  unsigned status = 200;
  std::string content_type = "text/plain";
  std::string body;
  std::vector<std::pair<std::string, std::string>> headers;
  // Sent behind the body: one copy for all connections that are sent it.
  std::shared_ptr<const std::string> shared = nullptr;
};

// A GET of a path that is not the tracker's.
struct HttpQuestion {
  std::string_view path;
  std::string_view host;           // the validated Host header
  std::string_view if_none_match;  // the header as it came; empty if there is none
};

struct HttpServerOptions {
  // "[::]" listens on both families.
  std::vector<Endpoint> listen;
  bool next_free_port = false;  // a busy port: try the next ones
  RegistryConfig registry;
  // Serve only these, from the first asker on; allow() gives others.
  // Nothing: whatever is announced.
  std::optional<std::vector<WireInfoHash>> allowed{};
  std::vector<std::string> proxies;  // addresses or CIDRs whose X-Forwarded-For is believed
  // Fewer where the process may not have as many descriptors. Beyond: the connection that has
  // waited longest for its client goes, else the one whose client has read nothing for longest.
  std::uint32_t max_connections = 10'000;
  std::uint32_t reserved_descriptors = 64;  // what else the process opens
  // Of one address (of IPv6 a /64), and of one in a local network. Beyond: one of its own goes. The
  // listed proxies are spared, many askers stand behind them.
  std::uint32_t max_connections_per_address = 200;
  std::uint32_t max_connections_per_local_address = 2000;
  // Bodies that are being sent, without what is shared. Beyond: clients that read nothing go, then
  // 503 is the answer.
  std::uint64_t max_body_bytes = 64 << 20;
  std::uint32_t header_bytes = 8 * 1024;  // longest request header
  Duration header_timeout =
      std::chrono::seconds(5);  // from accept to a whole header, not extended by bytes
  Duration idle_timeout = std::chrono::seconds(30);  // between requests of one connection
  unsigned threads = 1;
  // Names of this machine that a Host header may give, besides its addresses and "localhost".
  std::vector<std::string> host_names;
  // One of them that the user gave as the way to us, perhaps past a translation of addresses, and
  // what it stands for: who came by that name has reached us there.
  std::string public_name;
  std::vector<Address> public_addresses;
  std::string stats_path = "/stats";  // where the statistics are
  // Answers any other path, 304 without a body. Runs on a server thread: must not block.
  std::function<HttpReply(const HttpQuestion&)> other;
  // A connection that is no HTTP: descriptor (now the handler's), where from, and what was read.
  std::function<void(int descriptor, Endpoint remote, std::string received)> not_http;
  // A member completed: for `--copies`. `from` is where it announced from, with the announced port.
  std::function<void(const AnnounceRequest& announce, const Endpoint& from)> completed;
  // A member announced, whatever it said, but that it stopped.
  std::function<void(const AnnounceRequest& announce, const Endpoint& from)> announced;
};

class HttpServer {
 public:
  static Result<std::unique_ptr<HttpServer>> start(HttpServerOptions options);
  ~HttpServer();  // stop()
  std::uint16_t port() const;
  std::uint32_t max_connections() const;              // as the limit on descriptors allows
  void allow(std::vector<WireInfoHash> info_hashes);  // replaces the list
  RegistryStats stats() const;
  ScrapeEntry scrape(const WireInfoHash& info_hash) const;
  std::shared_ptr<Introducer> introducer() const;  // for servers beside it: they share its swarms
  void stop();                                     // answers what is under way, at most a second

 private:
  class Impl;
  explicit HttpServer(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace barter::tracker
