#include "torrent/digest.hpp"

#include <catch2/catch.hpp>

#include <unordered_set>

using namespace barter;

TEST_CASE("hexadecimal is lower case and reads both cases") {
  Sha1Digest digest;
  REQUIRE(from_hex("00FFabCD0102030405060708090a0b0c0d0e0f10", digest.bytes));
  CHECK(to_hex(digest) == "00ffabcd0102030405060708090a0b0c0d0e0f10");
  CHECK(to_hex(std::span<const std::byte>{}).empty());
}

TEST_CASE("from_hex refuses a wrong length and wrong digits") {
  std::array<std::byte, 2> out{};
  CHECK_FALSE(from_hex("abc", out));
  CHECK_FALSE(from_hex("abcde", out));
  CHECK_FALSE(from_hex("", out));
  CHECK_FALSE(from_hex("abcg", out));
  CHECK_FALSE(from_hex("0x00", out));
  CHECK_FALSE(from_hex(" 000", out));
  CHECK(from_hex("abcd", out));
}

TEST_CASE("a digest is made of exactly its size") {
  CHECK_FALSE(Sha1Digest::from("short"));
  CHECK_FALSE(Sha1Digest::from(std::string(21, 'x')));
  const auto digest = Sha1Digest::from(std::string(20, 'x'));
  REQUIRE(digest);
  CHECK(digest->view() == std::string(20, 'x'));
  CHECK_FALSE(digest->is_zero());
  CHECK(Sha1Digest{}.is_zero());
  CHECK(Sha1Digest{} < *digest);
}

TEST_CASE("the wire info-hash is v1 where there is one and the head of v2 otherwise") {
  InfoHash hash;
  hash.v2 = Sha256Digest::from("0123456789abcdefghijKLMNOPQRSTUV");
  CHECK(hash.wire().view() == "0123456789abcdefghij");
  hash.v1 = Sha1Digest::from(std::string(20, '1'));
  CHECK(hash.wire().view() == std::string(20, '1'));
}

TEST_CASE("digests hash by their bytes") {
  std::unordered_set<Sha256Digest> set;
  Sha256Digest digest;
  for (int i = 0; i < 256; ++i) {
    digest.bytes[31] = static_cast<std::byte>(i);
    set.insert(digest);
  }
  CHECK(set.size() == 256);
}
