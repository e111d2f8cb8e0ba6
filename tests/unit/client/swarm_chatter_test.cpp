// Peers that talk much and bring nothing.
#include "client/swarm/chatter.hpp"
#include "swarm_fixture.hpp"

namespace barter {
namespace {

using namespace swarm_test;

TEST_CASE("a burst is listened to, and what goes on for longer only now and then") {
  Chatter chatter;
  TimePoint now{seconds(1000)};
  CHECK(chatter.listen_at() <= now);
  chatter.said(Chatter::allowance, now);
  CHECK(chatter.listen_at() <= now);
  chatter.said(Chatter::allowance, now);
  CHECK(chatter.listen_at() == now + seconds(1));
  now += seconds(100);
  CHECK(chatter.listen_at() <= now);
  chatter.said(Chatter::allowance + 1, now);  // nothing is saved up beyond the burst
  CHECK(chatter.listen_at() > now);
}

// How long it is not read from after so many of that message.
template <class Message>
Duration deaf_after(Fixture& f, ConnectionId peer, int count, const Message& message) {
  std::vector<wire::Message> batch;
  for (int i = 0; i < count; ++i) batch.emplace_back(message);
  f.swarm->messages_received(peer, batch, f.now);
  f.drain();
  return std::max(f.swarm->listen_at(peer) - f.now, Duration());
}

TEST_CASE("each kind of message that brings nothing counts") {
  Fixture f;
  f.start(true);
  int n = 1;
  const auto deaf = [&](const auto& message) {
    const ConnectionId peer = f.connect(n++);
    f.receive(peer, wire::HaveNone{});
    f.receive(peer, wire::Have{3});
    return deaf_after(f, peer, 15'000, message);
  };
  CHECK(deaf(wire::KeepAlive{}) >= seconds(1));
  CHECK(deaf(wire::Interested{}) >= seconds(1));
  CHECK(deaf(wire::NotInterested{}) >= seconds(1));
  CHECK(deaf(wire::Choke{}) >= seconds(1));
  CHECK(deaf(wire::Unchoke{}) >= seconds(1));
  CHECK(deaf(wire::Have{3}) >= seconds(1));
  CHECK(deaf(wire::HaveNone{}) >= seconds(1));
  CHECK(deaf(wire::Suggest{3}) >= seconds(1));
  CHECK(deaf(wire::AllowedFast{3}) >= seconds(1));
  CHECK(deaf(wire::Port{6881}) >= seconds(1));
  CHECK(deaf(wire::DontHave{3}) >= seconds(1));
  CHECK(deaf(wire::Unknown{99}) >= seconds(1));
  CHECK(deaf(wire::BitfieldMessage{std::vector<std::byte>(3)}) >= seconds(1));
  CHECK(deaf(wire::MetadataRequest{0, 0}) >= seconds(1));
  CHECK(deaf(wire::ExtensionHandshake{}) >= seconds(60));
  CHECK(deaf_after(f, f.connect(n++), 9000, wire::Request{0, 0, 100}) > Duration());
}

TEST_CASE("what an honest peer says at full speed is always listened to") {
  Fixture f;
  f.config.max_unsent_bytes = 0;
  f.start(true);
  const ConnectionId peer = f.connect(1);
  f.receive(peer, wire::BitfieldMessage{std::vector<std::byte>(3)});
  for (std::uint32_t i = 0; i < pieces - 1; ++i) f.receive(peer, wire::Have{i});
  f.receive(peer, wire::Interested{});
  f.pass(seconds(1));
  std::vector<wire::Message> batch;
  for (std::uint32_t i = 0; i < 4900; ++i)
    batch.emplace_back(wire::Request{i % (pieces - 1), i / (pieces - 1) * 4, 16'384 - i});
  f.swarm->messages_received(peer, batch, f.now);
  f.drain();
  CHECK_FALSE(f.closed());
  CHECK(f.swarm->listen_at(peer) <= f.now);
  // It loses interest in all of them at once.
  for (wire::Message& one : batch) {
    const auto request = std::get<wire::Request>(one);
    one = wire::Cancel{request.piece, request.begin, request.length};
  }
  f.swarm->messages_received(peer, batch, f.now);
  f.drain();
  CHECK_FALSE(f.closed());
  CHECK(f.swarm->listen_at(peer) <= f.now);
}

TEST_CASE("cancels of what was never asked for are a flood, and late ones are not") {
  Fixture f;
  f.config.max_incoming_requests = 50;
  f.start(true);
  const ConnectionId peer = f.connect(1);
  f.receive(peer, wire::Interested{});
  f.pass(seconds(1));
  for (std::uint32_t i = 0; i < 200; ++i) {
    f.receive(peer, wire::Request{i % 4, 0, 16'384});
    for (const SendBlock* sent : f.all<SendBlock>())
      f.swarm->block_sent(peer, BlockRange(sent->range), f.now);
    f.drain();
    f.receive(peer, wire::Cancel{i % 4, 0, 16'384});
    REQUIRE_FALSE(f.closed());
  }
  for (int i = 0; i < 50; ++i) {
    f.receive(peer, wire::Cancel{5, 0, 16'384});
    REQUIRE_FALSE(f.closed());
  }
  f.receive(peer, wire::Cancel{5, 0, 16'384});
  CHECK(f.closed() == DisconnectReason::flooding);
}

TEST_CASE("asking back the same block again and again is a flood") {
  Fixture f;
  f.config.max_incoming_requests = 50;
  f.start(true);
  const ConnectionId peer = f.connect(1);
  f.receive(peer, wire::Interested{});
  f.pass(seconds(1));
  f.receive(peer, wire::Request{0, 0, 16'384});
  REQUIRE(f.all<SendBlock>().size() == 1);
  for (int i = 0; i < 51; ++i) {
    REQUIRE_FALSE(f.closed());
    f.receive(peer, wire::Cancel{0, 0, 16'384});
  }
  f.receive(peer, wire::Cancel{0, 0, 16'384});
  CHECK(f.closed() == DisconnectReason::flooding);
}

TEST_CASE("a connection is given a few small blocks at a time") {
  Fixture f;
  f.start(true);
  const ConnectionId peer = f.connect(1);
  f.receive(peer, wire::Interested{});
  f.pass(seconds(1));
  std::vector<wire::Message> batch;
  for (std::uint32_t i = 0; i < 2000; ++i) batch.emplace_back(wire::Request{0, i, 1});
  f.swarm->messages_received(peer, batch, f.now);
  f.drain();
  CHECK(f.all<SendBlock>().size() == f.config.max_unsent_blocks);
}

}  // namespace
}  // namespace barter
