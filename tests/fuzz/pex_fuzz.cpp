// fuzz-links: barter::client

// ut_pex: no bytes break the reader; what it read can be written and read again; and what is
// believed of it is little, no junk, and reachable from where it was said.
#include "client/wire/pex.hpp"

#include <algorithm>

#include "client/swarm/peer_exchange.hpp"
#include "tests/fuzz/fuzz.hpp"

using namespace barter;
using fuzz::require;

namespace {

void check_credible(const wire::PeerExchange& message, const Endpoint& from) {
  static const SwarmConfig config;
  const auto believed = PeerExchange::credible(message, from, config);
  require(believed.size() <= config.pex_contacts, "no more than one message may hold");
  for (std::size_t i = 0; i < believed.size(); ++i) {
    const Endpoint& one = believed[i].endpoint;
    require(one.port >= 1024, "no service's port");
    require(!one.address.is_multicast() && !one.address.is_unspecified(), "no junk");
    require(PeerExchange::reachable_from(one.address, from.address), "it can be reached");
    for (std::size_t j = 0; j < i; ++j)
      require(believed[j].endpoint != one &&
                  (one.address.is_local() || believed[j].endpoint.address != one.address),
              "each once");
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const auto message = wire::decode_pex(fuzz::text_of(data, size));
  if (!message) return 0;
  require(message->added.size() <= wire::max_contacts_read, "bounded");
  require(message->dropped.size() <= wire::max_contacts_read, "bounded");
  const auto again = wire::decode_pex(wire::pex_payload(*message));
  if (message->added.empty() && message->dropped.empty()) return 0;
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
  require(sorted(again->added) == sorted(message->added), "round trip");
  require(sorted(again->dropped) == sorted(message->dropped), "round trip");
  for (const char* from : {"20.1.1.1:6881", "10.0.0.1:6881", "127.0.0.1:6881", "[fe80::1]:6881"})
    check_credible(*message, *Endpoint::parse(from));
  return 0;
}
