#include "torrent/endpoint.hpp"

#include <catch2/catch.hpp>

#include <unordered_set>

using namespace barter;

namespace {

std::string round(std::string_view text) {
  const auto address = Address::parse(text);
  return address ? to_string(*address) : "-";
}

Address address(std::string_view text) {
  const auto parsed = Address::parse(text);
  REQUIRE(parsed);
  return *parsed;
}

}  // namespace

TEST_CASE("IPv4 addresses are four plain decimal numbers") {
  CHECK(round("192.0.2.1") == "192.0.2.1");
  CHECK(round("255.255.255.255") == "255.255.255.255");
  for (const char* bad :
       {"", "1", "1.2.3", "1.2.3.", "1.2.3.4.", ".1.2.3", "1.2.3.256", "01.2.3.4", "1.2.3.4 ",
        "-1.2.3.4", "+1.2.3.4", "1..2.3", "0x1.2.3.4", "1.2.3.99999"}) {
    CHECK(round(bad) == "-");
  }
}

TEST_CASE("IPv6 addresses are printed as RFC 5952 says") {
  CHECK(round("::") == "::");
  CHECK(round("::1") == "::1");
  CHECK(round("1::") == "1::");
  CHECK(round("2001:DB8:0:0:1:0:0:1") == "2001:db8::1:0:0:1");
  CHECK(round("2001:db8:0:1:1:1:1:1") == "2001:db8:0:1:1:1:1:1");
  CHECK(round("2001:0db8::0001") == "2001:db8::1");
  CHECK(round("2001:0:0:1:0:0:0:1") == "2001:0:0:1::1");
  CHECK(round("1:2:3:4:5:6:7::") == "1:2:3:4:5:6:7:0");
  CHECK(round("::2:3:4:5:6:7:8") == "0:2:3:4:5:6:7:8");
  CHECK(round("64:ff9b::192.0.2.33") == "64:ff9b::c000:221");
  CHECK(round("1:2:3:4:5:6:1.2.3.4") == "1:2:3:4:5:6:102:304");
}

TEST_CASE("malformed IPv6 addresses are refused") {
  for (const char* bad :
       {":", ":::", "1:2:3:4:5:6:7", "1:2:3:4:5:6:7:8:9", "1::2::3", "12345::", "::g",
        "1:2:3:4:5:6:7:8::", "::1:2:3:4:5:6:7:8", "[::1]", "fe80::1%eth0", "1.2.3.4::", "::1.2.3",
        "1:2:3:4:5:6:7:1.2.3.4", ":1::", "::1:", "::-1", "1:2:3:4:5:6:7:8:", "::1.2.3.4:5"}) {
    CHECK(round(bad) == "-");
  }
}

TEST_CASE("a mapped address is IPv4") {
  CHECK(round("::ffff:192.0.2.7") == "192.0.2.7");
  CHECK(address("::ffff:1.2.3.4").is_v4());
  CHECK(address("::ffff:1.2.3.4") == address("1.2.3.4"));
  CHECK(Address::v6(address("9.8.7.6").v6_bytes()) == address("9.8.7.6"));
}

TEST_CASE("addresses know their kind") {
  CHECK(Address().is_unspecified());
  CHECK(address("::").is_unspecified());
  CHECK(address("127.9.9.9").is_loopback());
  CHECK(address("::1").is_loopback());
  CHECK_FALSE(address("::2").is_loopback());
  CHECK_FALSE(address("1::1").is_loopback());
  CHECK(address("169.254.0.1").is_link_local());
  CHECK(address("fe80::1").is_link_local());
  CHECK(address("febf::1").is_link_local());
  CHECK_FALSE(address("fec0::1").is_link_local());
  for (const char* text : {"10.0.0.1", "172.16.0.1", "172.31.255.255", "192.168.1.1", "100.64.0.1",
                           "100.127.1.1", "fc00::1", "fd12::1"}) {
    CHECK(address(text).is_private());
    CHECK(address(text).is_local());
  }
  for (const char* text :
       {"172.15.0.1", "172.32.0.1", "100.63.0.1", "100.128.0.1", "8.8.8.8", "2001:db8::1"}) {
    CHECK_FALSE(address(text).is_local());
  }
  for (const char* text : {"224.0.0.1", "239.1.1.1", "255.255.255.255", "ff02::1"}) {
    CHECK(address(text).is_multicast());
  }
  CHECK_FALSE(address("240.0.0.1").is_multicast());
}

TEST_CASE("endpoints are read and printed with brackets around IPv6") {
  CHECK(to_string(*Endpoint::parse("1.2.3.4:80")) == "1.2.3.4:80");
  CHECK(to_string(*Endpoint::parse("[2001:DB8::1]:6881")) == "[2001:db8::1]:6881");
  CHECK(Endpoint::parse("[::1]:0")->port == 0);
  for (const char* bad : {"", "1.2.3.4", "1.2.3.4:", "1.2.3.4:65536", "1.2.3.4:080", "::1:80",
                          "[::1]", "[1.2.3.4]:80", "[::1:80", "host:80", "1.2.3.4:+1", "[]:1"}) {
    CHECK_FALSE(Endpoint::parse(bad));
  }
  CHECK(*Endpoint::parse("1.2.3.4:80") < *Endpoint::parse("1.2.3.4:81"));
}

TEST_CASE("host and port may be names") {
  CHECK(HostPort::parse("example.org:80").value() == HostPort{"example.org", 80});
  CHECK(HostPort::parse("[::1]:80").value() == HostPort{"::1", 80});
  CHECK(HostPort::parse("[::1]", 6969).value() == HostPort{"::1", 6969});
  CHECK(HostPort::parse("::1", 6969).value() == HostPort{"::1", 6969});
  CHECK(HostPort::parse("1.2.3.4", 1).value() == HostPort{"1.2.3.4", 1});
  CHECK(to_string(HostPort{"::1", 80}) == "[::1]:80");
  CHECK(to_string(HostPort{"a.b", 80}) == "a.b:80");
  for (const char* bad :
       {"", ":80", "host", "host:", "host:x", "host:65536", "a b:1", "a/b:1", "[::1", "[]:1",
        "[host]:1", "[::1]80", "::1", "1:2:3", "a\n:1", "a%00:1"}) {
    const auto parsed = HostPort::parse(bad);
    CHECK(parsed.has_error());
  }
  CHECK(HostPort::parse(std::string(254, 'a') + ":1").has_error());
}

TEST_CASE("addresses and endpoints hash apart") {
  std::unordered_set<std::size_t> hashes;
  for (int i = 0; i < 200; ++i) {
    const Address one = Address::v4({10, 0, 0, static_cast<std::uint8_t>(i)});
    hashes.insert(std::hash<Address>{}(one));
    hashes.insert(std::hash<Endpoint>{}(Endpoint{one, 1}));
    hashes.insert(std::hash<Endpoint>{}(Endpoint{one, 2}));
  }
  CHECK(hashes.size() == 600);
}

TEST_CASE("the compact form of an endpoint") {
  const auto text = GENERATE("1.2.3.4:513", "[2001:db8::1]:65535");
  const Endpoint endpoint = *Endpoint::parse(text);
  std::string bytes = "before";
  append_compact(endpoint, bytes);
  bytes.erase(0, 6);
  CHECK(bytes.size() == compact_bytes(endpoint.address.is_v4()));
  CHECK(bytes.starts_with(endpoint.address.view()));
  CHECK(from_compact(bytes) == endpoint);
  CHECK_FALSE(from_compact(bytes.substr(1)));
  CHECK_FALSE(from_compact(bytes + "x"));
  CHECK_FALSE(from_compact(""));
}

TEST_CASE("a mapped IPv4 address of 16 bytes is one of 4") {
  const auto mapped = Address::from(std::string(10, '\0') + "\xff\xff\1\2\3\4");
  CHECK(mapped == Address::from("\1\2\3\4"));
  CHECK(mapped->view() == "\1\2\3\4");
}
