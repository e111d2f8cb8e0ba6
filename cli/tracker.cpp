// `barter tracker`: a tracker over HTTP and UDP until it is interrupted.
#include <algorithm>
#include <memory>

#include <fmt/format.h>
#include <boost/json/array.hpp>

#include "cli/allow_list.hpp"
#include "cli/command.hpp"
#include "cli/signals.hpp"
#include "cli/usable_addresses.hpp"
#include "tracker/http_server.hpp"
#include "tracker/udp_server.hpp"

namespace barter::cli {
namespace {

using namespace std::chrono_literals;

constexpr std::uint16_t default_port = 6969;

struct TrackerOptions {
  std::vector<std::string> listen;
  std::vector<std::string> allow;
  std::vector<std::string> proxies;
  std::chrono::milliseconds interval = 30min;
  std::uint32_t max_connections = 10'000;
  std::uint32_t max_connections_per_address = 200;
  unsigned threads = 1;
  bool udp = false, no_udp = false;
};

// "1.2.3.4:80", "[::]:80", ":80" and "80" (all addresses).
Endpoint parse_listen(const std::string& text) {
  if (const auto endpoint = Endpoint::parse(text)) return *endpoint;
  const std::string port = text.starts_with(':') ? text : ":" + text;
  if (const auto endpoint = Endpoint::parse("0.0.0.0" + port)) {
    return {Address::v6({}), endpoint->port};
  }
  throw UsageError(fmt::format("--listen: '{}' is no ADDRESS:PORT", text));
}

tracker::RegistryConfig registry_config(std::chrono::milliseconds interval) {
  if (interval < 5s || interval > 24h) {
    throw UsageError("--interval: give a time from 5s to 24h");
  }
  tracker::RegistryConfig out;
  out.interval = static_cast<std::uint32_t>(interval / 1s);
  out.interval_jitter = out.interval / 10;
  out.min_interval = std::min(out.min_interval, out.interval);
  // Half a round of patience for a client that is late, and ten minutes at least: some announce no
  // more often than every five minutes, whatever they are told.
  out.expires_after =
      std::chrono::seconds(out.interval + out.interval_jitter + std::max(out.interval / 2, 600u));
  return out;
}

// Where others find us: the address itself, or for "all addresses" each that is of use to them.
std::vector<std::string> announce_urls(std::string_view scheme, const std::vector<Endpoint>& listen,
                                       std::uint16_t port) {
  std::vector<std::string> out;
  const auto add = [&](const Address& address, std::uint16_t at) {
    auto url = fmt::format("{}://{}/announce", scheme, to_string(Endpoint{address, at}));
    if (std::find(out.begin(), out.end(), url) == out.end()) out.push_back(std::move(url));
  };
  for (const Endpoint& endpoint : listen) {
    const std::uint16_t at = endpoint.port == listen.front().port ? port : endpoint.port;
    if (!endpoint.address.is_unspecified()) {
      add(endpoint.address, at);
      continue;
    }
    for (const Address& address : usable_addresses().addresses) {
      if (address.is_v4() || !endpoint.address.is_v4()) add(address, at);
    }
  }
  return out;
}

struct Servers {
  std::unique_ptr<tracker::HttpServer> http;
  std::unique_ptr<tracker::UdpServer> udp;  // null without it
};

// Both on one port number. Where the kernel chooses it, another program may have the other one.
Result<Servers> start_servers(const tracker::HttpServerOptions& options, bool with_udp) {
  constexpr int tries = 20;
  for (int i = 1;; ++i) {
    Servers out;
    auto http = tracker::HttpServer::start(options);
    if (!http) return http.error();
    out.http = std::move(*http);
    if (!with_udp) return out;
    tracker::UdpServerOptions udp_options{options.listen, options.threads};
    for (Endpoint& endpoint : udp_options.listen) {
      if (endpoint.port == options.listen.front().port) endpoint.port = out.http->port();
    }
    auto udp = tracker::UdpServer::start(udp_options, out.http->introducer());
    if (udp) {
      out.udp = std::move(*udp);
      return out;
    }
    const bool chosen = options.listen.front().port == 0;
    if (!chosen || udp.error().code != Errc::address_in_use || i == tries) return udp.error();
  }
}

tracker::HttpServerOptions server_options(const TrackerOptions& options) {
  tracker::HttpServerOptions out;
  for (const std::string& text : options.listen) out.listen.push_back(parse_listen(text));
  if (out.listen.empty()) out.listen.push_back({Address::v6({}), default_port});
  out.registry = registry_config(options.interval);
  out.proxies = options.proxies;
  out.max_connections = options.max_connections;
  out.max_connections_per_address = options.max_connections_per_address;
  out.max_connections_per_local_address = 10 * options.max_connections_per_address;
  out.threads = options.threads;
  return out;
}

std::string hashes(std::size_t count) {
  return fmt::format("{} info-hash{}", count, count == 1 ? "" : "es");
}

// Reads the lists again: when SIGHUP asks for it, and when they have changed, and change no more.
class Reloading {
 public:
  Reloading(AllowList& list, tracker::HttpServer& server, Output& output)
      : list_(list), server_(server), output_(output), last_(list.looks_read()) {}

  // A look takes at most a fiftieth of the time.
  std::chrono::milliseconds interval() const {
    return std::max<std::chrono::milliseconds>(1s, 50 * took_);
  }

  void look(bool asked) {
    const auto began = std::chrono::steady_clock::now();
    auto now = list_.look();
    took_ = std::chrono::ceil<std::chrono::milliseconds>(std::chrono::steady_clock::now() - began);
    const bool settled = now == last_;
    last_ = std::move(now);
    if (asked) return reload();
    if (!settled || last_ == list_.looks_read() || last_ == refused_) return;
    // An empty folder may be one whose disk has gone.
    if (last_.empty()) {
      output_.warning(
          "--allow names no torrent any more: the list stays as it was; SIGHUP takes it as it is");
      refused_ = last_;
      return;
    }
    reload();
  }

 private:
  void reload() {
    refused_.reset();
    auto allowed = list_.read([&](const Error& error) {
      output_.warning(fmt::format("not read again: {}", error.message));
    });
    if (!allowed) {
      refused_ = last_;
      output_.warning(fmt::format("{}: the list stays as it was", allowed.error().message));
      return;
    }
    const std::size_t count = allowed->size();
    server_.allow(std::move(*allowed));
    output_.message(fmt::format("read again: tracking {}", hashes(count)));
    output_.event("reloaded", {{"info_hashes", count}});
  }

  AllowList& list_;
  tracker::HttpServer& server_;
  Output& output_;
  AllowList::Looks last_;
  std::optional<AllowList::Looks> refused_;  // what is not read until it changes
  std::chrono::milliseconds took_{0};
};

int run_tracker(const TrackerOptions& options, Output& output) {
  tracker::HttpServerOptions http_options = server_options(options);
  const auto skipped = [&](const Error& error) {
    output.warning(fmt::format("not allowed: {}", error.message));
  };
  const int hangup = signals::reload_on_hangup();
  AllowList list(options.allow);
  auto allowed = list.read(skipped);
  if (!allowed) return output.fail(allowed.error());
  const std::size_t torrents = allowed->size();
  // Before anybody can ask: who is refused comes back in minutes.
  const bool restricted = !options.allow.empty();
  if (restricted) http_options.allowed = std::move(*allowed);
  auto servers = start_servers(http_options, !options.no_udp);
  if (!servers) return output.fail(servers.error());
  http_options.allowed.reset();
  const auto& http = servers->http;

  auto urls = announce_urls("http", http_options.listen, http->port());
  if (servers->udp) {
    for (std::string& url : announce_urls("udp", http_options.listen, http->port())) {
      urls.push_back(std::move(url));
    }
  }
  for (const std::string& url : urls) output.print(url);
  output.event("listening", {{"port", http->port()},
                             {"announce", boost::json::array(urls.begin(), urls.end())}});
  if (http->max_connections() < options.max_connections) {
    output.message(fmt::format(
        "{} connections at a time, as the limit on open files allows no more (ulimit -n)",
        http->max_connections()));
  }
  output.message(restricted ? fmt::format("tracking {}; Ctrl-C stops", hashes(torrents))
                            : "tracking whatever is announced; Ctrl-C stops");
  Reloading reloading(list, *http, output);
  while (!signals::wait(reloading.interval(), hangup)) {
    const bool asked = signals::reload_requested();
    if (restricted) {
      reloading.look(asked);
    } else if (asked) {
      output.message("SIGHUP: there is no list to read again");
    }
  }
  if (servers->udp) servers->udp->stop();
  http->stop();
  const auto stats = http->stats();
  output.result({{"announces", stats.announces},
                 {"scrapes", stats.scrapes},
                 {"completed", stats.completed},
                 {"refused", stats.refused}});
  return exit_done;
}

}  // namespace

void add_tracker_command(CLI::App& app, CommandLine& line) {
  const auto options = std::make_shared<TrackerOptions>();
  CLI::App* command =
      add_command(app, line, "tracker", "Introduce peers to each other until interrupted",
                  "  barter tracker                            all addresses, port 6969, HTTP and "
                  "UDP, any torrent\n"
                  "  barter tracker --listen 192.168.1.2:80    one address\n"
                  "  barter tracker --allow torrents/          the torrents of a folder only\n",
                  [options](Output& output) { return run_tracker(*options, output); });
  command
      ->add_option("--listen", options->listen,
                   "Where to listen (default [::]:6969, both families); may be repeated")
      ->type_name("ADDR:PORT");
  command
      ->add_option("--allow", options->allow,
                   "Track these only: a file of info-hashes, a .torrent or a folder of them; "
                   "may be repeated. Read again when it changes, and on SIGHUP")
      ->type_name("FILE");
  command
      ->add_option("--proxy", options->proxies,
                   "Believe this address or block, a proxy, about who asks (X-Forwarded-For, "
                   "Forwarded, X-Real-IP); may be repeated")
      ->type_name("CIDR");
  add_duration_option(command, "--interval", options->interval,
                      "Time between a client's announces (default 30m)");
  command
      ->add_option(
          "--max-connections", options->max_connections,
          "When full, drop the longest-idle connection (default 10000, fewer if the limit on "
          "open files is lower)")
      ->check(CLI::Range(1u, 1'000'000u))
      ->type_name("N");
  command
      ->add_option("--max-connections-per-address", options->max_connections_per_address,
                   "Of one address (default 200); of one in a private network ten times as many")
      ->check(CLI::Range(1u, 1'000'000u))
      ->type_name("N");
  CLI::Option* udp = command->add_flag(
      "--udp", options->udp, "Serve UDP (BEP 15), too, on the same port number (default)");
  command->add_flag("--no-udp", options->no_udp, "HTTP alone")->excludes(udp);
  command->add_option("--threads", options->threads, "Threads that answer (default 1)")
      ->check(CLI::Range(1u, 256u))
      ->type_name("N");
}

}  // namespace barter::cli
