#include "client/swarm/peer_exchange.hpp"

#include <catch2/catch.hpp>

#include <algorithm>

#include "torrent/random.hpp"

namespace barter {
namespace {

using std::chrono::seconds;

Endpoint at(int n, std::uint16_t port = 6881) {
  return {
      Address::v4({20, static_cast<std::uint8_t>(n / 250), static_cast<std::uint8_t>(n % 250), 1}),
      port};
}
wire::Contact contact(int n) {
  return {at(n), false, false};
}
std::vector<wire::Contact> contacts(int first, int last) {
  std::vector<wire::Contact> out;
  for (int n = first; n <= last; ++n) out.push_back(contact(n));
  return out;
}

struct Told {
  SwarmConfig config;
  ExchangeState state;
  wire::PeerExchange hear(const PeerExchange& exchange, const Endpoint& as = at(240)) {
    return exchange.news(state, as, as, config);
  }
};

TEST_CASE("a peer is told who is there, then who came and who went") {
  PeerExchange exchange;
  Told peer;
  exchange.update(contacts(1, 3));
  CHECK(peer.hear(exchange).added.size() == 3);
  CHECK(peer.state.told == exchange.latest());
  CHECK(peer.hear(exchange).added.empty());
  exchange.update(contacts(2, 4));
  const auto news = peer.hear(exchange);
  REQUIRE(news.added.size() == 1);
  CHECK(news.added[0].endpoint == at(4));
  CHECK(news.dropped == std::vector<Endpoint>{at(1)});
}

TEST_CASE("who came and went between two messages is not spoken of") {
  PeerExchange exchange;
  Told peer;
  exchange.update(contacts(1, 1));
  peer.hear(exchange);
  exchange.update(contacts(1, 2));
  exchange.update(contacts(1, 1));
  const auto news = peer.hear(exchange);
  CHECK(news.added.empty());
  CHECK(news.dropped.empty());
  CHECK(peer.state.told == exchange.latest());
}

TEST_CASE("a message holds fifty, and the next one the rest; nobody is in both lists") {
  PeerExchange exchange;
  Told peer;
  exchange.update(contacts(1, 80));
  CHECK(peer.hear(exchange).added.size() == 50);
  CHECK(peer.state.told < exchange.latest());
  exchange.update(contacts(61, 130));  // 50 of the first 60 were told of
  auto news = peer.hear(exchange);
  CHECK(news.dropped.size() <= 50);
  CHECK(news.added.size() <= 50);
  for (const auto& added : news.added)
    CHECK(std::count(news.dropped.begin(), news.dropped.end(), added.endpoint) == 0);
  for (int i = 0; i < 3; ++i) peer.hear(exchange);
  CHECK(peer.state.told == exchange.latest());
}

TEST_CASE("all that is told adds up to what is there, whatever comes and goes") {
  Random random(7);
  PeerExchange exchange;
  Told peer;
  std::vector<Endpoint> known;
  std::vector<wire::Contact> live;
  for (int round = 0; round < 300; ++round) {
    live.clear();
    for (int n = 1; n <= 100; ++n)
      if (random.below(3) == 0) live.push_back(contact(n));
    exchange.update(live);
    if (random.below(2) != 0) continue;
    const auto news = peer.hear(exchange);
    for (const auto& endpoint : news.dropped) std::erase(known, endpoint);
    for (const auto& added : news.added) {
      std::erase(known, added.endpoint);
      known.push_back(added.endpoint);
    }
    exchange.forget_until(peer.state.told);
  }
  for (int i = 0; i < 4; ++i) {
    const auto news = peer.hear(exchange);
    for (const auto& endpoint : news.dropped) std::erase(known, endpoint);
    for (const auto& added : news.added) {
      std::erase(known, added.endpoint);
      known.push_back(added.endpoint);
    }
  }
  std::sort(known.begin(), known.end());
  std::vector<Endpoint> there;
  for (const auto& one : live) there.push_back(one.endpoint);
  CHECK(known == there);
  CHECK(exchange.size() <= 100);
}

TEST_CASE("a peer is not told of itself, nor of addresses that it cannot reach") {
  PeerExchange exchange;
  Told peer;
  exchange.update({contact(1),
                   contact(2),
                   {*Endpoint::parse("127.0.0.1:7000"), false, false},
                   {*Endpoint::parse("192.168.0.7:7000"), false, false},
                   {*Endpoint::parse("[fe80::1]:7000"), false, false}});
  CHECK(peer.hear(exchange, at(2)).added == std::vector<wire::Contact>{contact(1)});
  Told near;
  CHECK(near.hear(exchange, *Endpoint::parse("10.0.0.1:6881")).added.size() == 3);
  Told same_host;
  CHECK(same_host.hear(exchange, *Endpoint::parse("127.0.0.1:6881")).added.size() == 5);
}

TEST_CASE("the roster is bounded, and the last to have left stay") {
  PeerExchange exchange;
  for (int n = 0; n < 3000; ++n) exchange.update(contacts(n, n));
  CHECK(exchange.size() <= 500);
  Told peer;
  CHECK(peer.hear(exchange).added == contacts(2999, 2999));
}

TEST_CASE("a message a minute is heeded, a few early ones too, more are ignored, a flood ends it") {
  const SwarmConfig config;
  ExchangeState state;
  TimePoint now{seconds(1000)};
  for (int i = 0; i < 60; ++i, now += seconds(60))
    CHECK(PeerExchange::heard(state, config, now) == PeerExchange::Verdict::heed);
  int heeded = 0, ignored = 0;
  for (int i = 0; i < 20; ++i) {
    const auto verdict = PeerExchange::heard(state, config, now);
    heeded += verdict == PeerExchange::Verdict::heed ? 1 : 0;
    ignored += verdict == PeerExchange::Verdict::ignore ? 1 : 0;
  }
  CHECK(heeded == 4);
  CHECK(ignored == 16);
  for (int i = 0; i < 4; ++i) PeerExchange::heard(state, config, now);
  CHECK(PeerExchange::heard(state, config, now) == PeerExchange::Verdict::flood);
}

TEST_CASE("junk is not believed") {
  const SwarmConfig config;
  wire::PeerExchange message;
  for (const char* text :
       {"20.0.0.1:6881", "20.0.0.1:6882", "20.0.0.2:80", "20.0.0.3:0", "224.0.0.1:6881",
        "0.0.0.0:6881", "127.0.0.1:6881", "10.0.0.1:6881", "169.254.1.1:6881", "[::1]:6881",
        "[ff02::1]:6881", "[fe80::1]:6881", "[2001:db8::1]:6881", "255.255.255.255:6881"})
    message.added.push_back({*Endpoint::parse(text), false, false});
  const auto from = [&](const char* text) {
    return PeerExchange::credible(message, *Endpoint::parse(text), config).size();
  };
  CHECK(from("20.9.9.9:6881") == 2);
  CHECK(from("192.168.1.1:6881") == 3);  // and 10.0.0.1
  CHECK(from("127.0.0.1:6881") == 7);    // of this host all but junk
  message.added = contacts(1, 200);
  CHECK(from("20.9.9.9:6881") == 50);
}

TEST_CASE("who names many addresses of which none works is not listened to") {
  PeerExchange exchange;
  const ContributorId liar = exchange.contributor(at(1, 5000), at(1));
  CHECK(exchange.contributor(at(1, 5001), at(1, 9)) == liar);  // another port changes nothing
  for (int i = 0; i < 7; ++i) CHECK(exchange.named(liar, false));
  CHECK_FALSE(exchange.named(liar, false));
  CHECK_FALSE(exchange.trusted(liar));
  CHECK_FALSE(exchange.trusted(exchange.contributor(at(1, 6000), at(1))));

  const ContributorId honest = exchange.contributor(at(2), at(2));
  exchange.named(honest, true);
  for (int i = 0; i < 100; ++i) exchange.named(honest, false);
  CHECK(exchange.trusted(honest));

  // On one host each is somebody else.
  const auto local = [](std::uint16_t port) {
    return Endpoint{*Address::parse("127.0.0.1"), port};
  };
  CHECK(exchange.contributor(local(40000), local(6881)) !=
        exchange.contributor(local(40001), local(6882)));
  for (int n = 10; n < 2000; ++n) exchange.contributor(at(n), at(n));
  CHECK(exchange.trusted(liar));  // forgotten: the table is bounded
}

}  // namespace
}  // namespace barter
