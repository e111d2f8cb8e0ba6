#include "torrent/sha.hpp"

#include <catch2/catch.hpp>

#include <utility>

using namespace barter;

TEST_CASE("SHA-1 and SHA-256 give the values of FIPS 180") {
  CHECK(to_hex(sha1(as_bytes("abc"))) == "a9993e364706816aba3e25717850c26c9cd0d89d");
  CHECK(to_hex(sha1({})) == "da39a3ee5e6b4b0d3255bfef95601890afd80709");
  CHECK(to_hex(sha256(as_bytes("abc"))) ==
        "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
  CHECK(to_hex(sha256({})) == "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
}

TEST_CASE("a streamed digest equals that of the whole and the hasher can be used again") {
  Sha1 one;
  Sha256 two;
  for (int round = 0; round < 3; ++round) {
    for (const char* part : {"a", "", "bc"}) {
      one.update(as_bytes(part));
      two.update(as_bytes(part));
    }
    CHECK(one.finish() == sha1(as_bytes("abc")));
    CHECK(two.finish() == sha256(as_bytes("abc")));
  }
  CHECK(one.finish() == sha1({}));
}

TEST_CASE("a moved hasher goes on where it was") {
  Sha1 first;
  first.update(as_bytes("ab"));
  Sha1 second = std::move(first);
  second.update(as_bytes("c"));
  CHECK(second.finish() == sha1(as_bytes("abc")));
  Sha256 third, fourth;
  third.update(as_bytes("abc"));
  fourth = std::move(third);
  CHECK(fourth.finish() == sha256(as_bytes("abc")));
}
