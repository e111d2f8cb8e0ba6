// ut_pex: no bytes break the reader; what it read can be written and read again; what is believed
// of it is little, no junk, and reachable from where it was said; and a PeerExchange that holds it
// tells of it within its limits, each once, and no more once it has gone.
//
// fuzz-links: barter::client
// fuzz-max-len: 256
#include "client/wire/pex.hpp"

#include <algorithm>
#include <iterator>
#include <vector>

#include "client/swarm/peer_exchange.hpp"
#include "tests/fuzz/fuzz.hpp"

using namespace barter;
using fuzz::require;

namespace {

const SwarmConfig& config() {
  static const SwarmConfig out;
  return out;
}

void round_trip(const wire::PeerExchange& message) {
  const auto again = wire::decode_pex(wire::pex_payload(message));
  if (message.added.empty() && message.dropped.empty()) return;
  require(again.has_value(), "what was written can be read");
  const auto sorted = [](auto list) {
    std::stable_sort(list.begin(), list.end(), [](const auto& a, const auto& b) {
      if constexpr (requires { a.endpoint; }) {
        return a.endpoint.address.is_v4() && !b.endpoint.address.is_v4();
      } else {
        return a.address.is_v4() && !b.address.is_v4();
      }
    });
    return list;
  };
  require(sorted(again->added) == sorted(message.added), "round trip");
  require(sorted(again->dropped) == sorted(message.dropped), "round trip");
}

void check_credible(const wire::PeerExchange& message, const Endpoint& from) {
  const auto believed = PeerExchange::credible(message, from, config());
  require(believed.size() <= config().pex_contacts, "no more than one message may hold");
  std::vector<Endpoint> seen;
  for (const wire::Contact& contact : believed) {
    const Endpoint& one = contact.endpoint;
    require(one.port >= 1024, "no service's port");
    require(!one.address.is_multicast() && !one.address.is_unspecified(), "no junk");
    require(PeerExchange::reachable_from(one.address, from.address), "it can be reached");
    seen.push_back(one.address.is_local() ? one : Endpoint{one.address, 0});
  }
  std::sort(seen.begin(), seen.end());
  require(std::adjacent_find(seen.begin(), seen.end()) == seen.end(), "each once");
}

std::vector<Endpoint> places_of(const std::vector<wire::Contact>& contacts) {
  std::vector<Endpoint> out;
  for (const wire::Contact& contact : contacts) out.push_back(contact.endpoint);
  std::sort(out.begin(), out.end());
  return out;
}

std::vector<Endpoint> unique_places(const std::vector<wire::Contact>& contacts) {
  std::vector<Endpoint> out = places_of(contacts);
  out.erase(std::unique(out.begin(), out.end()), out.end());
  return out;
}

// All that the peer at `remote` is told until there is no news, message by message.
wire::PeerExchange told(const PeerExchange& exchange, ExchangeState& state,
                        const Endpoint& remote) {
  wire::PeerExchange all;
  for (int messages = 0; state.told != exchange.latest(); ++messages) {
    const wire::PeerExchange news = exchange.news(state, remote, remote, config());
    require(news.added.size() <= config().pex_contacts, "no message is long");
    require(news.dropped.size() <= config().pex_contacts, "no message is long");
    require(messages < 10, "the news come to an end");
    round_trip(news);
    all.added.insert(all.added.end(), news.added.begin(), news.added.end());
    all.dropped.insert(all.dropped.end(), news.dropped.begin(), news.dropped.end());
  }
  return all;
}

// All that was added is connected; then what was dropped has gone.
void check_telling(const wire::PeerExchange& message, const Endpoint& remote) {
  const auto concerns = [&](const Endpoint& one) {
    return one != remote && PeerExchange::reachable_from(one.address, remote.address);
  };
  PeerExchange exchange;
  ExchangeState state;
  exchange.update(message.added);
  const std::vector<Endpoint> there = unique_places(message.added);
  require(exchange.size() == there.size(), "who is there is known");
  std::vector<Endpoint> gone = message.dropped, expected;
  std::sort(gone.begin(), gone.end());
  std::copy_if(there.begin(), there.end(), std::back_inserter(expected), concerns);
  require(places_of(told(exchange, state, remote).added) == expected, "each is told of once");

  std::vector<wire::Contact> left = message.added;
  std::erase_if(left, [&](const wire::Contact& contact) {
    return std::binary_search(gone.begin(), gone.end(), contact.endpoint);
  });
  exchange.update(left);
  std::erase_if(expected, [&](const Endpoint& one) {
    return !std::binary_search(gone.begin(), gone.end(), one);
  });
  wire::PeerExchange after = told(exchange, state, remote);
  std::sort(after.dropped.begin(), after.dropped.end());
  require(after.added.empty(), "nobody has come");
  require(after.dropped == expected, "who was told of and has gone is dropped");
  exchange.forget_until(exchange.latest());
  require(exchange.size() == unique_places(left).size(), "who has gone is forgotten");
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const auto message = wire::decode_pex(fuzz::text_of(data, size));
  if (!message) return 0;
  require(message->added.size() <= wire::max_contacts_read, "bounded");
  require(message->dropped.size() <= wire::max_contacts_read, "bounded");
  round_trip(*message);
  static const Endpoint from[] = {
      *Endpoint::parse("20.1.1.1:6881"), *Endpoint::parse("10.0.0.1:6881"),
      *Endpoint::parse("127.0.0.1:6881"), *Endpoint::parse("[fe80::1]:6881")};
  for (const Endpoint& remote : from) check_credible(*message, remote);
  check_telling(*message, from[size % std::size(from)]);
  return 0;
}
