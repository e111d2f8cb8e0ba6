#include "client/wire/pex.hpp"

#include "client/wire/extension.hpp"
#include "torrent/bencode.hpp"

namespace barter::wire {

namespace {

constexpr bencode::Limits limits{.bytes = 1 << 20, .depth = extension_depth, .tokens = 4096};

constexpr std::uint8_t seed_flag = 0x02;
constexpr std::uint8_t reachable_flag = 0x10;

// Compact contacts (BEP 23, BEP 7), by family.
struct Lists {
  std::string v4, v6, v4_flags, v6_flags;

  void add(const Endpoint& endpoint) {
    append_compact(endpoint, endpoint.address.is_v4() ? v4 : v6);
  }
  void add(const Contact& contact) {
    add(contact.endpoint);
    const int flags = (contact.seed ? seed_flag : 0) | (contact.reachable ? reachable_flag : 0);
    (contact.endpoint.address.is_v4() ? v4_flags : v6_flags) += static_cast<char>(flags);
  }
};

void write(bencode::Writer& w, std::string_view key, const std::string& bytes) {
  if (!bytes.empty()) w.key(key).string(bytes);
}

// `make(endpoint, number)` of each record of the list while there is room.
template <class T, class Make>
void read(std::optional<std::string_view> list, bool v4, std::vector<T>& out, Make make) {
  const std::string_view bytes = list.value_or("");
  const std::size_t size = compact_bytes(v4);
  for (std::size_t i = 0; (i + 1) * size <= bytes.size() && out.size() < max_contacts_read; ++i)
    out.push_back(make(*from_compact(bytes.substr(i * size, size)), i));
}

}  // namespace

std::string pex_payload(const PeerExchange& exchange) {
  Lists added, dropped;
  for (const Contact& contact : exchange.added) added.add(contact);
  for (const Endpoint& endpoint : exchange.dropped) dropped.add(endpoint);
  bencode::Writer w;
  w.begin_dictionary();
  write(w, "added", added.v4);
  write(w, "added.f", added.v4_flags);
  write(w, "added6", added.v6);
  write(w, "added6.f", added.v6_flags);
  write(w, "dropped", dropped.v4);
  write(w, "dropped6", dropped.v6);
  return w.end().take();
}

std::optional<PeerExchange> decode_pex(std::string_view payload) {
  const auto document = bencode::parse_prefix(payload, limits);
  if (!document) return std::nullopt;
  const bencode::Node root = document->root();
  const auto added = root.find_string("added"), added6 = root.find_string("added6");
  const auto dropped = root.find_string("dropped"), dropped6 = root.find_string("dropped6");
  if (!added && !added6 && !dropped && !dropped6) return std::nullopt;
  PeerExchange out;
  for (const bool v4 : {true, false}) {
    const auto flags = root.find_string(v4 ? "added.f" : "added6.f").value_or("");
    read(v4 ? added : added6, v4, out.added, [&](const Endpoint& endpoint, std::size_t i) {
      const std::uint8_t bits = i < flags.size() ? static_cast<std::uint8_t>(flags[i]) : 0;
      return Contact{endpoint, (bits & seed_flag) != 0, (bits & reachable_flag) != 0};
    });
    read(v4 ? dropped : dropped6, v4, out.dropped,
         [](const Endpoint& endpoint, std::size_t) { return endpoint; });
  }
  return out;
}

}  // namespace barter::wire
