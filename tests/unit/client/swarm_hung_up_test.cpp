// Who hangs up at the handshake is told as that.
#include <catch2/catch.hpp>

#include "tests/unit/client/swarm_fixture.hpp"

namespace barter::swarm_test {
namespace {

TEST_CASE("a peer that hangs up at the handshake is told as that") {
  Fixture f;
  f.start();
  f.swarm->add_peers(PeerSource::user, std::vector{at(1), at(2)}, f.now);
  f.drain();
  f.swarm->connect_failed(at(1), ConnectFailure::refused, f.now);
  f.drain();
  f.swarm->connect_failed(at(2), ConnectFailure::refused, f.now);
  f.drain();
  CHECK(f.swarm->stall_reason(f.now).find("can be reached") != std::string::npos);
  f.pass(seconds(10));
  f.swarm->connect_failed(at(2), ConnectFailure::handshake_failed, f.now);
  f.drain();
  f.swarm->connect_failed(at(1), ConnectFailure::refused, f.now);
  f.drain();
  const std::string why = f.swarm->stall_reason(f.now);
  CHECK(why.find("1 of 2 known peers hung up at the handshake") != std::string::npos);
  CHECK(why.find("encryption") != std::string::npos);
  CHECK(f.swarm->progress(f.now).download_limit.reason == Limit::hung_up);
}

}  // namespace
}  // namespace barter::swarm_test
