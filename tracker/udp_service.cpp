#include "tracker/udp_service.hpp"

namespace barter::tracker {
namespace {

void count(std::atomic<std::uint64_t>& counter) {
  counter.fetch_add(1, std::memory_order_relaxed);
}

// As over HTTP there is one place to announce to. Most clients say nothing of it.
bool is_announce_path(std::string_view url_data) {
  const std::string_view path = url_data.substr(0, url_data.find('?'));
  return path.empty() || path == "/" || path == "/announce";
}

}  // namespace

void UdpService::answer(std::span<const std::byte> packet, const Endpoint& remote,
                        const Address& local, TimePoint now, Packet& reply) {
  reply.clear();
  UdpStats& stats = introducer_.udp();
  const auto head = parse_udp_head(packet);
  if (!head || remote.port == 0) return count(stats.dropped);
  if (head->action == UdpAction::connect) {
    count(stats.connects);
    return write_udp_connected(head->transaction, ids_.make(remote.address, now), reply);
  }
  if (!ids_.valid(head->connection_id, remote.address, now)) return count(stats.dropped);
  if (head->action == UdpAction::announce) {
    announce(*head, packet, remote, local, now, reply);
  } else {
    scrape(*head, packet, now, reply);
  }
}

void UdpService::announce(const UdpHead& head, std::span<const std::byte> packet,
                          const Endpoint& remote, const Address& local, TimePoint now,
                          Packet& reply) {
  count(introducer_.udp().announces);
  const auto parsed = parse_udp_announce(packet);
  if (!parsed) return refuse(head, parsed.error().message, reply);
  if (!is_announce_path(parsed->url_data)) return refuse(head, "not found", reply);
  const auto found = introducer_.announce(parsed->announce, remote.address, now);
  if (found.failure) return refuse(head, found.failure->reason, reply);
  AnnounceReply out;
  out.interval = found.announced.interval;
  out.complete = found.announced.complete;
  out.incomplete = found.announced.incomplete;
  const Viewpoint view{remote.address, local, *found.own};
  write_udp_announced(head.transaction, out, as_seen_by(view, found.members),
                      family_of(remote.address), reply);
}

void UdpService::scrape(const UdpHead& head, std::span<const std::byte> packet, TimePoint now,
                        Packet& reply) {
  count(introducer_.udp().scrapes);
  const auto hashes = parse_udp_scrape(packet);
  if (!hashes) return refuse(head, hashes.error().message, reply);
  write_udp_scraped(head.transaction, introducer_.scrape(*hashes, now), reply);
}

void UdpService::refuse(const UdpHead& head, std::string_view reason, Packet& reply) {
  count(introducer_.udp().errors);
  write_udp_error(head.transaction, reason, reply);
}

}  // namespace barter::tracker
