#include "tracker/http_service.hpp"

#include <algorithm>
#include <iterator>

#include <boost/json/object.hpp>
#include <boost/json/serialize.hpp>

#include "tracker/announce.hpp"

namespace barter::tracker {
namespace {

// Hashes in one scrape: about what fits in a request header.
constexpr std::size_t max_scraped = 100;

HttpReply bencoded(std::string body) {
  return {.status = 200, .content_type = "text/plain", .body = std::move(body), .headers = {}};
}

// The origin form of a target: proxies send the absolute one.
std::string_view origin_form(std::string_view target) {
  constexpr std::string_view scheme = "http://";
  if (!target.starts_with(scheme)) return target;
  target.remove_prefix(std::min(target.find('/', scheme.size()), target.size()));
  return target.empty() ? "/" : target;
}

}  // namespace

Result<std::unique_ptr<HttpService>> HttpService::make(const HttpServerOptions& options,
                                                       Introducer& introducer) {
  std::vector<AddressBlock> proxies;
  for (const std::string& text : options.proxies) {
    const auto block = AddressBlock::parse(text);
    if (!block) return block.error();
    proxies.push_back(*block);
  }
  return std::unique_ptr<HttpService>(new HttpService(options, introducer, std::move(proxies)));
}

HttpService::HttpService(const HttpServerOptions& options, Introducer& introducer,
                         std::vector<AddressBlock> proxies)
    : options_(options),
      introducer_(introducer),
      proxies_(std::move(proxies)),
      started_(std::chrono::steady_clock::now()) {}

bool HttpService::is_proxy(const Address& address) const {
  return std::any_of(proxies_.begin(), proxies_.end(),
                     [&](const auto& block) { return block.contains(address); });
}

HttpReply HttpService::answer(const HttpRequest& request, TimePoint now) {
  connections_.requests.fetch_add(1, std::memory_order_relaxed);
  const std::string_view target = origin_form(request.target);
  const auto question = std::min(target.find('?'), target.size());
  const std::string_view path = target.substr(0, question);
  const std::string_view query = target.substr(std::min(question + 1, target.size()));
  if (path == "/announce") return bencoded(announce(query, request, now));
  if (path == "/scrape") return bencoded(scrape_reply(query, now));
  if (path == options_.stats_path) {
    return {.status = 200, .content_type = "application/json", .body = stats(now), .headers = {}};
  }
  if (!options_.other) {
    return {.status = 404, .content_type = "text/plain", .body = "not found\n", .headers = {}};
  }
  const auto own = introducer_.own_addresses();
  const std::string host = validated_host(request.host, request.local, *own, options_.host_names);
  return options_.other({path, host, request.if_none_match});
}

std::string HttpService::announce(std::string_view query, const HttpRequest& request,
                                  TimePoint now) {
  const auto parsed = parse_announce_query(query);
  if (!parsed) return to_body(Failure{parsed.error().message, {}});
  Viewpoint view;
  view.asker = forwarded_address(request.remote.address, request.forwarded_for, proxies_);
  const auto found = introducer_.announce(*parsed, view.asker, now);
  if (found.failure) return to_body(*found.failure);
  view.own = *found.own;
  view.reached = reached_address(request, view.asker, *found.own);
  AnnounceReply reply;
  reply.interval = found.announced.interval;
  reply.min_interval = found.announced.min_interval;
  reply.complete = found.announced.complete;
  reply.incomplete = found.announced.incomplete;
  if (!view.asker.is_loopback()) reply.external_ip = view.asker;
  return to_body(reply, as_seen_by(view, found.members), parsed->compact);
}

// The address of the socket, unless the user has told us what leads here (share --address): then
// the socket's may mean nothing to the asker.
Address HttpService::reached_address(const HttpRequest& request, const Address& asker,
                                     std::span<const Address> own) const {
  const std::string host = validated_host(request.host, request.local, own, options_.host_names);
  const auto named = HostPort::parse(host, std::uint16_t{0});
  if (!named) return request.local.address;
  const auto literal = Address::parse(named->host);
  if (literal && !literal->is_loopback() && literal->is_v4() == asker.is_v4()) return *literal;
  if (!literal && named->host == options_.public_name) {
    for (const Address& address : options_.public_addresses) {
      if (!address.is_loopback() && address.is_v4() == asker.is_v4()) return address;
    }
  }
  return request.local.address;
}

std::string HttpService::scrape_reply(std::string_view query, TimePoint now) {
  const auto hashes = parse_scrape_query(query, max_scraped);
  if (!hashes) return to_body(Failure{hashes.error().message, {}});
  return to_body(introducer_.scrape(*hashes, now));
}

std::string HttpService::stats(TimePoint now) {
  const RegistryStats registry = introducer_.stats();
  const auto uptime = std::chrono::duration_cast<std::chrono::seconds>(now - started_).count();
  boost::json::object out;
  out["uptime_seconds"] = uptime;
  out["swarms"] = registry.swarms;
  out["members"] = registry.members;
  out["seeds"] = registry.seeds;
  out["announces"] = registry.announces;
  out["scrapes"] = registry.scrapes;
  out["completed"] = registry.completed;
  out["refused"] = registry.refused;
  out["expired"] = registry.expired;
  out["displaced"] = registry.displaced;
  out["evicted"] = registry.evicted;
  out["requests"] = connections_.requests.load();
  out["connections"] = connections_.open.load();
  out["connections_accepted"] = connections_.accepted.load();
  out["connections_shed"] = connections_.shed.load();
  out["connections_handed_on"] = connections_.handed_on.load();
  const UdpStats& udp = introducer_.udp();
  out["udp_connects"] = udp.connects.load();
  out["udp_announces"] = udp.announces.load();
  out["udp_scrapes"] = udp.scrapes.load();
  out["udp_errors"] = udp.errors.load();
  out["udp_dropped"] = udp.dropped.load();
  return boost::json::serialize(out) + "\n";
}

}  // namespace barter::tracker
