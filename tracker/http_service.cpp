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
// Swarms looked at in one go, with the lock held; and goes for one call of expire().
constexpr std::size_t expiry_slice = 1000;
constexpr int expiry_slices = 10;
// What a full tracker asks for. Minutes (BEP 31).
constexpr std::uint32_t retry_when_full = 15;

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
                                                       std::uint64_t seed) {
  std::vector<AddressBlock> proxies;
  for (const std::string& text : options.proxies) {
    const auto block = AddressBlock::parse(text);
    if (!block) return block.error();
    proxies.push_back(*block);
  }
  return std::unique_ptr<HttpService>(new HttpService(options, std::move(proxies), seed));
}

HttpService::HttpService(const HttpServerOptions& options, std::vector<AddressBlock> proxies,
                         std::uint64_t seed)
    : options_(options),
      proxies_(std::move(proxies)),
      registry_(options.registry, seed),
      random_(seed + 1),
      started_(std::chrono::steady_clock::now()) {
  if (options_.restrict_to_allowed) registry_.set_allowed({});
  refresh_own_addresses();
}

bool HttpService::spared(const Address& address) const {
  return address.is_local() ||
         std::any_of(proxies_.begin(), proxies_.end(),
                     [&](const auto& block) { return block.contains(address); });
}

void HttpService::allow(std::vector<WireInfoHash> info_hashes) {
  const std::lock_guard lock(mutex_);
  registry_.set_allowed(std::move(info_hashes));
}

RegistryStats HttpService::registry_stats() {
  const std::lock_guard lock(mutex_);
  return registry_.stats();
}

ScrapeEntry HttpService::scrape(const WireInfoHash& info_hash, TimePoint now) {
  const std::lock_guard lock(mutex_);
  return registry_.scrape(info_hash, now);
}

void HttpService::expire(TimePoint now) {
  for (int slice = 0; slice < expiry_slices; ++slice) {
    const std::lock_guard lock(mutex_);
    if (registry_.expire(now, expiry_slice)) return;
  }
}

void HttpService::refresh_own_addresses() {
  auto addresses = std::make_shared<std::vector<Address>>();
  for (const InterfaceAddress& one : interface_addresses()) addresses->push_back(one.address);
  std::sort(addresses->begin(), addresses->end());
  const std::lock_guard lock(mutex_);
  own_addresses_ = std::move(addresses);
}

HttpService::Addresses HttpService::own_addresses() {
  const std::lock_guard lock(mutex_);
  return own_addresses_;
}

HttpReply HttpService::answer(const HttpRequest& request, TimePoint now) {
  connections_.requests.fetch_add(1, std::memory_order_relaxed);
  const std::string_view target = origin_form(request.target);
  const auto question = std::min(target.find('?'), target.size());
  const std::string_view path = target.substr(0, question);
  const std::string_view query = target.substr(std::min(question + 1, target.size()));
  if (path == "/announce") return bencoded(announce(query, request, now));
  if (path == "/scrape") return bencoded(scrape_reply(query, now));
  if (path == "/stats") {
    return {.status = 200, .content_type = "application/json", .body = stats(now), .headers = {}};
  }
  if (!options_.other) {
    return {.status = 404, .content_type = "text/plain", .body = "not found\n", .headers = {}};
  }
  const auto own = own_addresses();
  return options_.other(path,
                        validated_host(request.host, request.local, *own, options_.host_names));
}

std::string HttpService::announce(std::string_view query, const HttpRequest& request,
                                  TimePoint now) {
  const auto parsed = parse_announce_query(query);
  if (!parsed) return to_body(Failure{parsed.error().message, {}});
  Viewpoint view;
  view.asker = forwarded_address(request.remote.address, request.forwarded_for, proxies_);
  const Endpoint member{view.asker, parsed->port};

  Registry::Announced announced;
  std::vector<Endpoint> members;
  Addresses own;
  {
    const std::lock_guard lock(mutex_);
    announced = registry_.announce(*parsed, member, now, random_, members);
    own = own_addresses_;
  }
  if (announced.refused == Refusal::not_listed) {
    return to_body(Failure{"this tracker does not serve this torrent", {}});
  }
  if (announced.refused) return to_body(Failure{"this tracker is full", retry_when_full});
  if (announced.newly_completed && options_.completed) options_.completed(*parsed, member);

  view.own = *own;
  view.reached = reached_address(request, view.asker, *own);
  AnnounceReply reply;
  reply.interval = announced.interval;
  reply.min_interval = announced.min_interval;
  reply.complete = announced.complete;
  reply.incomplete = announced.incomplete;
  if (!view.asker.is_loopback()) reply.external_ip = view.asker;
  return to_body(reply, as_seen_by(view, members), parsed->compact);
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

std::vector<Endpoint> HttpService::as_seen_by(const Viewpoint& view,
                                              const std::vector<Endpoint>& members) const {
  std::vector<Endpoint> out;
  out.reserve(members.size());
  for (const Endpoint& member : members) {
    const auto address = address_for(view, member.address);
    if (!address) continue;
    const Endpoint peer{*address, member.port};
    // Two addresses of ours may have become one.
    if (*address != member.address && std::find(out.begin(), out.end(), peer) != out.end())
      continue;
    out.push_back(peer);
  }
  return out;
}

std::string HttpService::scrape_reply(std::string_view query, TimePoint now) {
  const auto hashes = parse_scrape_query(query, max_scraped);
  if (!hashes) return to_body(Failure{hashes.error().message, {}});
  std::vector<ScrapeEntry> entries;
  {
    const std::lock_guard lock(mutex_);
    for (const WireInfoHash& info_hash : *hashes)
      entries.push_back(registry_.scrape(info_hash, now));
  }
  return to_body(entries);
}

std::string HttpService::stats(TimePoint now) {
  const RegistryStats registry = registry_stats();
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
  out["requests"] = connections_.requests.load();
  out["connections"] = connections_.open.load();
  out["connections_accepted"] = connections_.accepted.load();
  out["connections_shed"] = connections_.shed.load();
  out["connections_handed_on"] = connections_.handed_on.load();
  return boost::json::serialize(out) + "\n";
}

}  // namespace barter::tracker
