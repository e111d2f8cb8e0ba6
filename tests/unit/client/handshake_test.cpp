#include "client/wire/handshake.hpp"

#include <catch2/catch.hpp>
#include <cstring>
#include <string>

using namespace barter;
using namespace barter::wire;

namespace {
const WireInfoHash info_hash = *WireInfoHash::from("01234567890123456789");
const PeerId peer_id = *PeerId::from("-BT0100-abcdefghijkl");
}  // namespace

TEST_CASE("a handshake has the bytes of BEP 3 and sets the bits of BEP 6 and BEP 10") {
  const auto bytes = encode(our_handshake(info_hash, peer_id));
  const std::string expected = std::string(
                                   "\x13"
                                   "BitTorrent protocol") +
                               std::string("\0\0\0\0\0\x10\0\x04", 8) + "01234567890123456789" +
                               "-BT0100-abcdefghijkl";
  CHECK(std::string(as_text(bytes)) == expected);
}

TEST_CASE("a handshake survives the round trip, and its head is enough for the info-hash") {
  Handshake ours = our_handshake(info_hash, peer_id);
  const auto bytes = encode(ours);
  CHECK(decode_handshake(bytes) == ours);
  CHECK(handshake_info_hash(std::span(bytes).first<handshake_head_length>()) == info_hash);
  CHECK(ours.fast());
  CHECK(ours.extended());
  CHECK_FALSE(Handshake{}.fast());
  CHECK_FALSE(Handshake{}.extended());
}

TEST_CASE("each beginning of a handshake may become one, and the first wrong byte ends that") {
  auto bytes = encode(our_handshake(info_hash, peer_id));
  for (std::size_t n = 0; n <= bytes.size(); ++n)
    CHECK(may_be_handshake(std::span(bytes).first(n)));
  for (std::size_t wrong = 0; wrong < 20; ++wrong) {
    auto other = bytes;
    other[wrong] ^= std::byte{1};
    CHECK(may_be_handshake(std::span(other).first(wrong)));
    CHECK_FALSE(may_be_handshake(std::span(other).first(wrong + 1)));
  }
  CHECK_FALSE(may_be_handshake(as_bytes("GET / HTTP/1.1")));
}
