// `barter tracker`: an HTTP tracker until it is interrupted.
#include <algorithm>
#include <memory>

#include <fmt/format.h>
#include <boost/json/array.hpp>

#include "cli/allow_list.hpp"
#include "cli/command.hpp"
#include "cli/signals.hpp"
#include "cli/usable_addresses.hpp"
#include "tracker/http_server.hpp"

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
std::vector<std::string> announce_urls(const std::vector<Endpoint>& listen, std::uint16_t port) {
  std::vector<std::string> out;
  const auto add = [&](const Address& address, std::uint16_t at) {
    auto url = fmt::format("http://{}/announce", to_string(Endpoint{address, at}));
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

int run_tracker(const TrackerOptions& options, Output& output) {
  tracker::HttpServerOptions server_options;
  for (const std::string& text : options.listen)
    server_options.listen.push_back(parse_listen(text));
  if (server_options.listen.empty()) {
    server_options.listen.push_back({Address::v6({}), default_port});
  }
  server_options.registry = registry_config(options.interval);
  server_options.restrict_to_allowed = !options.allow.empty();
  server_options.proxies = options.proxies;
  server_options.max_connections = options.max_connections;
  server_options.max_connections_per_address = options.max_connections_per_address;
  server_options.threads = options.threads;

  const auto skipped = [&](const Error& error) {
    output.warning(fmt::format("not allowed: {}", error.message));
  };
  std::vector<WireInfoHash> allowed;
  for (const std::string& path : options.allow) {
    if (auto added = add_allowed(path, skipped, allowed); !added) return output.fail(added.error());
  }
  const std::size_t torrents = allowed.size();
  auto server = tracker::HttpServer::start(server_options);
  if (!server) return output.fail(server.error());
  if (server_options.restrict_to_allowed) (*server)->allow(std::move(allowed));

  const auto urls = announce_urls(server_options.listen, (*server)->port());
  for (const std::string& url : urls) output.print(url);
  output.event("listening", {{"port", (*server)->port()},
                             {"announce", boost::json::array(urls.begin(), urls.end())}});
  output.message(server_options.restrict_to_allowed
                     ? fmt::format("tracking {} info-hash{}; Ctrl-C stops", torrents,
                                   torrents == 1 ? "" : "es")
                     : "tracking whatever is announced; Ctrl-C stops");
  while (!signals::wait(1h)) {
  }
  (*server)->stop();
  const auto stats = (*server)->stats();
  output.result({{"announces", stats.announces},
                 {"scrapes", stats.scrapes},
                 {"completed", stats.completed},
                 {"refused", stats.refused}});
  return exit_done;
}

}  // namespace

void add_tracker_command(CLI::App& app, CommandLine& line) {
  const auto options = std::make_shared<TrackerOptions>();
  CLI::App* command = add_command(
      app, line, "tracker", "Introduce peers to each other until interrupted",
      "  barter tracker                            all addresses, port 6969, any torrent\n"
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
                   "may be repeated")
      ->type_name("FILE");
  command
      ->add_option("--proxy", options->proxies,
                   "Believe X-Forwarded-For from this address or block; may be repeated")
      ->type_name("CIDR");
  add_duration_option(command, "--interval", options->interval,
                      "Time between a client's announces (default 30m)");
  command
      ->add_option("--max-connections", options->max_connections,
                   "Beyond them whoever idles longest is dropped (default 10000)")
      ->check(CLI::Range(1u, 1'000'000u))
      ->type_name("N");
  command
      ->add_option("--max-connections-per-address", options->max_connections_per_address,
                   "Of one address (default 200); private networks are spared")
      ->check(CLI::Range(1u, 1'000'000u))
      ->type_name("N");
  command->add_option("--threads", options->threads, "Threads that answer (default 1)")
      ->check(CLI::Range(1u, 256u))
      ->type_name("N");
}

}  // namespace barter::cli
