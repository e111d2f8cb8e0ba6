#include "client/net/inflate.hpp"

#include <zlib.h>

#include <catch2/catch.hpp>
#include <string>

using barter::net::inflate;

namespace {

std::string packed(const std::string& plain, int window_bits) {
  z_stream stream{};
  REQUIRE(::deflateInit2(&stream, 9, Z_DEFLATED, window_bits, 8, Z_DEFAULT_STRATEGY) == Z_OK);
  std::string out(::deflateBound(&stream, plain.size()) + 64, '\0');
  stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(plain.data()));
  stream.avail_in = static_cast<uInt>(plain.size());
  stream.next_out = reinterpret_cast<Bytef*>(out.data());
  stream.avail_out = static_cast<uInt>(out.size());
  REQUIRE(::deflate(&stream, Z_FINISH) == Z_STREAM_END);
  out.erase(out.size() - stream.avail_out);
  ::deflateEnd(&stream);
  return out;
}

constexpr int gzip = 15 + 16, zlib = 15;

}  // namespace

TEST_CASE("gzip and zlib are inflated, several members too") {
  for (const std::string& plain : {std::string(), std::string("abc"), std::string(200'000, 'x')}) {
    for (const int kind : {gzip, zlib}) {
      const auto out = inflate(packed(plain, kind), plain.size());
      REQUIRE(out.has_value());
      CHECK(*out == plain);
    }
  }
  const auto both = inflate(packed("abc", gzip) + packed("def", gzip), 100);
  REQUIRE(both.has_value());
  CHECK(*both == "abcdef");
}

TEST_CASE("a byte more than allowed is too much") {
  const std::string bomb = packed(std::string(10 << 20, '\0'), gzip);
  CHECK(inflate(bomb, 10 << 20).has_value());
  CHECK(inflate(bomb, (10 << 20) - 1).has_error());
  CHECK(inflate(packed("x", gzip), 0).has_error());
}

TEST_CASE("what is cut short or no gzip is an error") {
  const std::string whole = packed(std::string(5000, 'y'), gzip);
  for (std::size_t n = 0; n < whole.size(); ++n)
    CHECK(inflate(whole.substr(0, n), 10'000).has_error());
  CHECK(inflate("plain text", 100).has_error());
}
