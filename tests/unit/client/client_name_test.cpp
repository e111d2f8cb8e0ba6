#include "client/swarm/client_name.hpp"

#include <catch2/catch.hpp>

namespace barter {
namespace {

std::string name(std::string id) {
  id.resize(20, 'x');
  return client_name(*PeerId::from(id));
}

TEST_CASE("clients are named by their peer ids") {
  CHECK(name("-TR3000-") == "Transmission 3.0");
  CHECK(name("-LT2080-") == "libtorrent 2.0.8");
  CHECK(name("-qB4650-") == "qBittorrent 4.6.5");
  CHECK(name("A2-1-36-0-") == "aria2 1.36.0");
  CHECK(name("-ZZ1234-") == "ZZ 1.2.3.4");
  CHECK(name("") == "");
  CHECK(name(std::string("-TR\0"
                         "000-",
                         8)) == "");
}

}  // namespace
}  // namespace barter
