#include "client/wire/pex.hpp"

#include <algorithm>
#include <array>

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
    const auto append = [&](auto bytes, std::string& out) {
      out.append(reinterpret_cast<const char*>(bytes.data()), bytes.size());
      out += static_cast<char>(endpoint.port >> 8);
      out += static_cast<char>(endpoint.port & 0xff);
    };
    if (endpoint.address.is_v4()) {
      append(endpoint.address.v4_bytes(), v4);
    } else {
      append(endpoint.address.v6_bytes(), v6);
    }
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

template <std::size_t N>
Endpoint read_record(std::string_view record) {
  std::array<std::uint8_t, N> address{};
  std::copy_n(record.begin(), N, address.begin());
  Endpoint out;
  if constexpr (N == 4) {
    out.address = Address::v4(address);
  } else {
    out.address = Address::v6(address);
  }
  out.port = static_cast<std::uint16_t>(static_cast<std::uint8_t>(record[N]) << 8 |
                                        static_cast<std::uint8_t>(record[N + 1]));
  return out;
}

// `take(endpoint, number)` for each record of the list while there is room.
template <std::size_t N, class Take>
void read(std::string_view bytes, Take take) {
  for (std::size_t i = 0; (i + 1) * (N + 2) <= bytes.size(); ++i)
    if (!take(read_record<N>(bytes.substr(i * (N + 2), N + 2)), i)) return;
}

template <std::size_t N>
void read_added(std::string_view bytes, std::string_view flags, std::vector<Contact>& out) {
  read<N>(bytes, [&](const Endpoint& endpoint, std::size_t i) {
    if (out.size() == max_contacts_read) return false;
    const std::uint8_t bits = i < flags.size() ? static_cast<std::uint8_t>(flags[i]) : 0;
    out.push_back({endpoint, (bits & seed_flag) != 0, (bits & reachable_flag) != 0});
    return true;
  });
}

template <std::size_t N>
void read_dropped(std::string_view bytes, std::vector<Endpoint>& out) {
  read<N>(bytes, [&](const Endpoint& endpoint, std::size_t) {
    if (out.size() == max_contacts_read) return false;
    out.push_back(endpoint);
    return true;
  });
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
  read_added<4>(added.value_or(""), root.find_string("added.f").value_or(""), out.added);
  read_added<16>(added6.value_or(""), root.find_string("added6.f").value_or(""), out.added);
  read_dropped<4>(dropped.value_or(""), out.dropped);
  read_dropped<16>(dropped6.value_or(""), out.dropped);
  return out;
}

}  // namespace barter::wire
