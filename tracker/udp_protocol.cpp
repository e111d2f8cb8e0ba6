#include "tracker/udp_protocol.hpp"

#include <algorithm>
#include <array>
#include <cstring>

namespace barter::tracker {
namespace {

constexpr std::uint64_t protocol_id = 0x41727101980;
constexpr std::size_t head_bytes = 16;       // of a request
constexpr std::size_t announce_bytes = 98;   // of a request, without options
constexpr std::size_t announced_bytes = 20;  // of a reply, without peers
constexpr std::size_t reply_head_bytes = 8;
constexpr std::size_t counts_bytes = 12;
constexpr std::size_t option_bytes = 255;  // of one option's data
constexpr std::uint32_t default_wanted = 0xffffffff, most_wanted = 0x7fffffff;  // a signed field

enum Option : std::uint8_t { end_of_options = 0, nop = 1, url_data = 2 };

// Reads big-endian numbers from the front. The caller has looked at the length.
class Reader {
 public:
  explicit Reader(std::span<const std::byte> bytes) : left_(bytes) {}
  std::size_t left() const { return left_.size(); }
  std::span<const std::byte> take(std::size_t count) {
    const auto out = left_.first(count);
    left_ = left_.subspan(count);
    return out;
  }
  std::uint64_t number(std::size_t bytes) {
    std::uint64_t out = 0;
    for (const std::byte byte : take(bytes)) out = out << 8 | std::to_integer<std::uint64_t>(byte);
    return out;
  }
  std::uint8_t u8() { return static_cast<std::uint8_t>(number(1)); }
  std::uint16_t u16() { return static_cast<std::uint16_t>(number(2)); }
  std::uint32_t u32() { return static_cast<std::uint32_t>(number(4)); }
  std::uint64_t u64() { return number(8); }
  template <class Fixed>
  Fixed fixed() {
    return *Fixed::from(as_text(take(Fixed::size)));
  }

 private:
  std::span<const std::byte> left_;
};

class Writer {
 public:
  explicit Writer(Packet& out) : out_(out) { out_.clear(); }
  Writer& number(std::uint64_t value, std::size_t bytes) {
    for (std::size_t at = bytes; at-- > 0;) {
      out_.push_back(static_cast<std::byte>(value >> (8 * at) & 0xff));
    }
    return *this;
  }
  Writer& u8(std::uint64_t value) { return number(value, 1); }
  Writer& u16(std::uint64_t value) { return number(value, 2); }
  Writer& u32(std::uint64_t value) { return number(value, 4); }
  Writer& u64(std::uint64_t value) { return number(value, 8); }
  Writer& bytes(std::string_view text) {
    const auto from = as_bytes(text);
    out_.insert(out_.end(), from.begin(), from.end());
    return *this;
  }
  Writer& head(std::uint64_t connection_id, UdpAction action, std::uint32_t transaction) {
    return u64(connection_id).u32(static_cast<std::uint32_t>(action)).u32(transaction);
  }
  Writer& reply(UdpAction action, std::uint32_t transaction) {
    return u32(static_cast<std::uint32_t>(action)).u32(transaction);
  }

 private:
  Packet& out_;
};

Error bad_request(std::string message) {
  return {Errc::protocol, std::move(message)};
}

Event parse_event(std::uint32_t number) {
  switch (number) {
    case 1:
      return Event::completed;
    case 2:
      return Event::started;
    case 3:
      return Event::stopped;
    case 4:
      return Event::paused;  // BEP 21, as libtorrent sends it
    default:
      return Event::none;
  }
}

std::uint32_t to_number(Event event) {
  switch (event) {
    case Event::none:
      return 0;
    case Event::completed:
      return 1;
    case Event::started:
      return 2;
    case Event::stopped:
      return 3;
    case Event::paused:
      return 4;
  }
  return 0;
}

// BEP 41. An option that is cut short ends them, as an end would.
std::string read_url_data(Reader options) {
  std::string out;
  while (options.left() > 0) {
    const std::uint8_t option = options.u8();
    if (option == end_of_options) break;
    if (option == nop) continue;
    if (options.left() == 0) break;
    const std::size_t length = options.u8();
    if (length > options.left()) break;
    const auto data = options.take(length);
    if (option == url_data) out += as_text(data);
  }
  return out;
}

// A last record that is cut short is ignored, and so is what nobody could be reached at.
std::vector<Endpoint> read_peers(Reader reader, IpFamily family, std::size_t max_peers) {
  std::vector<Endpoint> out;
  const std::size_t record = compact_bytes(family == IpFamily::v4);
  while (reader.left() >= record && out.size() < max_peers) {
    const Endpoint peer = *from_compact(as_text(reader.take(record)));
    if (peer.is_place()) out.push_back(peer);
  }
  return out;
}

}  // namespace

std::optional<UdpHead> parse_udp_head(std::span<const std::byte> packet) {
  if (packet.size() < head_bytes || packet.size() > max_udp_packet_bytes) return std::nullopt;
  Reader reader(packet);
  UdpHead out;
  out.connection_id = reader.u64();
  const std::uint32_t action = reader.u32();
  if (action > static_cast<std::uint32_t>(UdpAction::scrape)) return std::nullopt;
  out.action = static_cast<UdpAction>(action);
  out.transaction = reader.u32();
  if (out.action == UdpAction::connect && out.connection_id != protocol_id) return std::nullopt;
  return out;
}

Result<UdpAnnounce> parse_udp_announce(std::span<const std::byte> packet) {
  if (packet.size() < announce_bytes) return bad_request("the announce is too short");
  Reader reader(packet.subspan(head_bytes));
  UdpAnnounce out;
  AnnounceRequest& announce = out.announce;
  announce.info_hash = reader.fixed<WireInfoHash>();
  announce.peer_id = reader.fixed<PeerId>();
  announce.downloaded = reader.u64();
  announce.left = reader.u64();
  announce.uploaded = reader.u64();
  announce.event = parse_event(reader.u32());
  reader.take(4);  // an address: it would let anybody name a victim
  out.key = reader.u32();
  const auto wanted = static_cast<std::int32_t>(reader.u32());
  if (wanted >= 0) announce.peers_wanted = static_cast<std::uint32_t>(wanted);
  announce.port = reader.u16();
  if (announce.port == 0) return bad_request("port must be a number from 1 to 65535");
  out.url_data = read_url_data(reader);
  return out;
}

Result<std::vector<WireInfoHash>> parse_udp_scrape(std::span<const std::byte> packet) {
  if (packet.size() < head_bytes + WireInfoHash::size) return bad_request("no info-hash to scrape");
  Reader reader(packet.subspan(head_bytes));
  std::vector<WireInfoHash> out;
  while (reader.left() >= WireInfoHash::size) {
    if (out.size() == max_udp_scraped) {
      return bad_request("at most " + std::to_string(max_udp_scraped) +
                         " info-hashes in one scrape");
    }
    out.push_back(reader.fixed<WireInfoHash>());
  }
  return out;
}

void write_udp_connect(std::uint32_t transaction, Packet& out) {
  Writer(out).head(protocol_id, UdpAction::connect, transaction);
}

Result<void> write_udp_announce(std::uint64_t connection_id, std::uint32_t transaction,
                                const UdpAnnounce& from, Packet& out) {
  if (from.url_data.size() > max_url_data_bytes) {
    return Error{Errc::invalid_url, "path and query are too long for a UDP tracker"};
  }
  const AnnounceRequest& announce = from.announce;
  Writer writer(out);
  writer.head(connection_id, UdpAction::announce, transaction)
      .bytes(announce.info_hash.view())
      .bytes(announce.peer_id.view())
      .u64(announce.downloaded)
      .u64(announce.left)
      .u64(announce.uploaded)
      .u32(to_number(announce.event))
      .u32(0)
      .u32(from.key)
      .u32(announce.peers_wanted ? std::min(*announce.peers_wanted, most_wanted) : default_wanted)
      .u16(announce.port);
  for (std::string_view left = from.url_data; !left.empty();) {
    const std::string_view part = left.substr(0, option_bytes);
    writer.u8(url_data).u8(part.size()).bytes(part);
    left.remove_prefix(part.size());
  }
  return {};
}

void write_udp_scrape(std::uint64_t connection_id, std::uint32_t transaction,
                      std::span<const WireInfoHash> info_hashes, Packet& out) {
  Writer writer(out);
  writer.head(connection_id, UdpAction::scrape, transaction);
  for (const WireInfoHash& info_hash :
       info_hashes.first(std::min(info_hashes.size(), max_udp_scraped))) {
    writer.bytes(info_hash.view());
  }
}

std::uint32_t udp_key(std::string_view key) {
  std::array<std::byte, 4> bytes{};
  if (from_hex(key, bytes)) return Reader(bytes).u32();
  std::uint32_t out = 2166136261;  // FNV-1a: only equal texts matter
  for (const std::byte byte : as_bytes(key)) {
    out = (out ^ std::to_integer<std::uint32_t>(byte)) * 16777619;
  }
  return out;
}

void write_udp_connected(std::uint32_t transaction, std::uint64_t connection_id, Packet& out) {
  Writer(out).reply(UdpAction::connect, transaction).u64(connection_id);
}

void write_udp_announced(std::uint32_t transaction, const AnnounceReply& reply,
                         std::span<const Endpoint> peers, IpFamily family, Packet& out) {
  Writer writer(out);
  writer.reply(UdpAction::announce, transaction)
      .u32(reply.interval)
      .u32(reply.incomplete)
      .u32(reply.complete);
  const std::size_t most = family == IpFamily::v4 ? max_udp_reply_bytes_v4 : max_udp_reply_bytes_v6;
  for (const Endpoint& peer : peers) {
    if (family_of(peer.address) != family) continue;
    if (out.size() + compact_bytes(family == IpFamily::v4) > most) break;
    writer.bytes(peer.address.view()).u16(peer.port);
  }
}

void write_udp_scraped(std::uint32_t transaction, std::span<const ScrapeEntry> entries,
                       Packet& out) {
  Writer writer(out);
  writer.reply(UdpAction::scrape, transaction);
  for (const ScrapeEntry& entry : entries) {
    writer.u32(entry.complete).u32(entry.downloaded).u32(entry.incomplete);
  }
}

void write_udp_error(std::uint32_t transaction, std::string_view message, Packet& out) {
  Writer(out).reply(UdpAction::error, transaction).bytes(message.substr(0, max_udp_error_bytes));
}

std::optional<UdpReply> parse_udp_reply(std::span<const std::byte> packet, IpFamily family,
                                        std::size_t max_peers) {
  if (packet.size() < reply_head_bytes) return std::nullopt;
  Reader reader(packet);
  const std::uint32_t action = reader.u32();
  UdpReply out;
  out.transaction = reader.u32();
  switch (action) {
    case static_cast<std::uint32_t>(UdpAction::connect):
      if (reader.left() < sizeof(std::uint64_t)) return std::nullopt;
      out.body = UdpConnected{reader.u64()};
      return out;
    case static_cast<std::uint32_t>(UdpAction::announce): {
      if (packet.size() < announced_bytes) return std::nullopt;
      UdpAnnounced announced;
      announced.interval = reader.u32();
      announced.incomplete = reader.u32();
      announced.complete = reader.u32();
      announced.peers = read_peers(reader, family, max_peers);
      out.body = std::move(announced);
      return out;
    }
    case static_cast<std::uint32_t>(UdpAction::scrape): {
      UdpScraped scraped;
      while (reader.left() >= counts_bytes && scraped.counts.size() < max_udp_scraped) {
        UdpCounts counts;
        counts.complete = reader.u32();
        counts.downloaded = reader.u32();
        counts.incomplete = reader.u32();
        scraped.counts.push_back(counts);
      }
      out.body = std::move(scraped);
      return out;
    }
    case static_cast<std::uint32_t>(UdpAction::error): {
      std::string message(as_text(reader.take(std::min(reader.left(), max_udp_error_bytes))));
      message.resize(std::min(message.find('\0'), message.size()));  // some end it as C does
      out.body = UdpError{message.empty() ? "no reason given" : std::move(message)};
      return out;
    }
    default:
      return std::nullopt;
  }
}

}  // namespace barter::tracker
