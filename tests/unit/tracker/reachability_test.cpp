#include "tracker/reachability.hpp"

#include <catch2/catch.hpp>

#include <algorithm>

using namespace barter;
using namespace barter::tracker;

namespace {

Address at(const char* text) {
  const auto address = Address::parse(text);
  REQUIRE(address);
  return *address;
}

// This machine: 192.168.1.2, 10.0.0.1, 2001:db8::2.
const std::vector<Address>& own() {
  static const std::vector<Address> addresses = [] {
    std::vector<Address> out{at("127.0.0.1"), at("::1"),         at("192.168.1.2"),
                             at("10.0.0.1"),  at("2001:db8::2"), at("fe80::2")};
    std::sort(out.begin(), out.end());
    return out;
  }();
  return addresses;
}

std::optional<Address> seen(const char* asker, const char* reached, const char* member) {
  return address_for({at(asker), at(reached), own()}, at(member));
}

}  // namespace

TEST_CASE("strangers are handed out as they are", "[reachability]") {
  CHECK(seen("192.168.1.5", "192.168.1.2", "192.168.1.6") == at("192.168.1.6"));
  CHECK(seen("192.168.1.5", "192.168.1.2", "203.0.113.7") == at("203.0.113.7"));
  CHECK(seen("192.168.1.5", "192.168.1.2", "2001:db8::77") == at("2001:db8::77"));
  CHECK(seen("127.0.0.1", "127.0.0.1", "203.0.113.7") == at("203.0.113.7"));
}

TEST_CASE("who is on this machine is where the asker has reached us", "[reachability]") {
  for (const char* member : {"127.0.0.1", "127.8.9.10", "::1", "192.168.1.2", "10.0.0.1",
                             "2001:db8::2", "0.0.0.0", "fe80::2"}) {
    CAPTURE(member);
    CHECK(seen("192.168.1.5", "192.168.1.2", member) == at("192.168.1.2"));
    CHECK(seen("2001:db8::9", "2001:db8::2", member) == at("2001:db8::2"));
    // A mapped address is an IPv4 one.
    CHECK(seen("::ffff:192.168.1.5", "::ffff:192.168.1.2", member) == at("192.168.1.2"));
  }
  // An address that the kernel gave after we last looked is ours too, if it was reached.
  CHECK(seen("192.168.7.5", "192.168.7.1", "192.168.7.1") == at("192.168.7.1"));
}

TEST_CASE("who asks on this machine may get its own addresses", "[reachability]") {
  for (const char* asker : {"127.0.0.1", "127.0.0.9"}) {
    CAPTURE(asker);
    CHECK(seen(asker, "192.168.1.2", "127.0.0.1") == at("127.0.0.1"));
    CHECK(seen(asker, "127.0.0.1", "127.0.0.5") == at("127.0.0.5"));
    CHECK(seen(asker, "127.0.0.1", "10.0.0.1") == at("10.0.0.1"));
  }
  // Transmission for one never connects to loopback.
  CHECK(seen("192.168.1.2", "192.168.1.2", "127.0.0.1") == at("192.168.1.2"));
  CHECK(seen("192.168.1.2", "192.168.1.2", "10.0.0.1") == at("10.0.0.1"));
  CHECK(seen("192.168.1.2", "127.0.0.1", "127.0.0.1") == at("127.0.0.1"));
  CHECK(seen("::1", "::1", "::1") == at("::1"));
}

TEST_CASE("behind a proxy on this machine loopback is nobody's", "[reachability]") {
  CHECK(seen("203.0.113.7", "127.0.0.1", "127.0.0.1") == std::nullopt);
  CHECK(seen("203.0.113.7", "::1", "::1") == std::nullopt);
  CHECK(seen("203.0.113.7", "127.0.0.1", "10.0.0.1") == at("10.0.0.1"));
  CHECK(seen("203.0.113.7", "127.0.0.1", "203.0.113.8") == at("203.0.113.8"));
}

TEST_CASE("link-local addresses are for neighbours", "[reachability]") {
  CHECK(seen("169.254.1.1", "169.254.0.9", "169.254.3.3") == at("169.254.3.3"));
  CHECK(seen("192.168.1.5", "192.168.1.2", "169.254.3.3") == std::nullopt);
  CHECK(seen("192.168.1.5", "192.168.1.2", "fe80::77") == std::nullopt);
  CHECK(seen("127.0.0.1", "127.0.0.1", "169.254.3.3") == at("169.254.3.3"));
}

TEST_CASE("blocks of addresses", "[reachability]") {
  const auto contains = [](const char* block, const char* address) {
    const auto parsed = AddressBlock::parse(block);
    REQUIRE(parsed.has_value());
    return parsed->contains(at(address));
  };
  CHECK(contains("10.0.0.0/8", "10.255.1.2"));
  CHECK_FALSE(contains("10.0.0.0/8", "11.0.0.0"));
  CHECK(contains("10.128.0.0/9", "10.129.0.0"));
  CHECK_FALSE(contains("10.128.0.0/9", "10.127.0.0"));
  CHECK(contains("192.168.1.7", "192.168.1.7"));
  CHECK_FALSE(contains("192.168.1.7", "192.168.1.6"));
  CHECK(contains("0.0.0.0/0", "1.2.3.4"));
  CHECK_FALSE(contains("0.0.0.0/0", "2001:db8::1"));
  CHECK(contains("::/0", "2001:db8::1"));
  CHECK(contains("2001:db8::/33", "2001:db8:7fff::1"));
  CHECK_FALSE(contains("2001:db8::/33", "2001:db8:8000::1"));
  CHECK(contains("::1", "::1"));
  for (const char* bad : {"", "10.0.0.0/33", "::/129", "10.0.0.0/", "10.0.0.0/-1", "10.0.0.0/8x",
                          "x/8", "10.0.0.0/8/8", "localhost"}) {
    CAPTURE(bad);
    CHECK(AddressBlock::parse(bad).has_error());
  }
}

TEST_CASE("a Host header counts if it names this machine", "[reachability]") {
  const std::vector<std::string> names{"box", "box.example.org", "203.0.113.99"};
  const auto host = [&](const char* header, const char* local = "192.168.1.2:6969") {
    return validated_host(header, *Endpoint::parse(local), own(), names);
  };
  CHECK(host("192.168.1.2:6969") == "192.168.1.2:6969");
  CHECK(host("10.0.0.1:6969") == "10.0.0.1:6969");
  CHECK(host("[2001:DB8::2]:6969") == "[2001:db8::2]:6969");
  CHECK(host("[2001:db8::2]") == "[2001:db8::2]");
  CHECK(host("10.0.0.1") == "10.0.0.1");
  CHECK(host(" BOX:80 ") == "box:80");
  CHECK(host("box.example.org.:6969") == "box.example.org:6969");
  CHECK(host("box") == "box");
  CHECK(host("203.0.113.99:80") == "203.0.113.99:80");
  // Through a tunnel, whose near end has a port of its own.
  CHECK(host("localhost:8080") == "localhost:8080");
  CHECK(host("127.0.0.1:8080") == "127.0.0.1:8080");
  // An address that came up after we last looked, on which the connection stands.
  CHECK(host("192.168.7.1:6969", "192.168.7.1:6969") == "192.168.7.1:6969");

  for (const char* bad : {"", "evil.example.org", "evil.example.org:6969", "203.0.113.5:6969",
                          "box:0x", "box:99999", "a b", "box/../x", "box\r\nX: y", "[::1",
                          "192.168.1.2:6969:1", "boxer", "[fd00::1]:6969"}) {
    CAPTURE(bad);
    CHECK(host(bad) == "192.168.1.2:6969");
    CHECK(host(bad, "[2001:db8::2]:7000") == "[2001:db8::2]:7000");
  }
}

TEST_CASE("X-Forwarded-For is read from the right, past listed proxies", "[reachability]") {
  std::vector<AddressBlock> proxies;
  proxies.push_back(*AddressBlock::parse("10.0.0.0/8"));
  proxies.push_back(*AddressBlock::parse("::1"));
  const auto from = [&](const char* remote, const char* header) {
    return to_string(forwarded_address(at(remote), header, proxies));
  };
  CHECK(from("10.0.0.9", "203.0.113.5") == "203.0.113.5");
  CHECK(from("::1", "2001:db8::7") == "2001:db8::7");
  CHECK(from("10.0.0.9", "6.6.6.6, 203.0.113.5, 10.0.0.8") == "203.0.113.5");
  CHECK(from("10.0.0.9", " 203.0.113.5:4711 ") == "203.0.113.5");
  CHECK(from("10.0.0.9", "[2001:db8::7]:4711") == "2001:db8::7");
  // Not from a proxy: whoever asks may write what he likes.
  CHECK(from("203.0.113.9", "203.0.113.5") == "203.0.113.9");
  CHECK(from("10.0.0.9", "") == "10.0.0.9");
  CHECK(from("10.0.0.9", "6.6.6.6, unknown") == "10.0.0.9");
  CHECK(from("10.0.0.9", "6.6.6.6, , 10.0.0.7") == "10.0.0.7");
  CHECK(from("10.0.0.9", "10.0.0.1, 10.0.0.2") == "10.0.0.1");
}

TEST_CASE("who is passed on is told by any of three headers", "[reachability]") {
  CHECK(forwarded_chain("1.2.3.4, 10.0.0.1", "", "") == "1.2.3.4, 10.0.0.1");
  CHECK(forwarded_chain("", "", " 1.2.3.4 ") == "1.2.3.4");
  CHECK(forwarded_chain("", "for=1.2.3.4;proto=http, For=\"[2001:db8::1]:47\"", "") ==
        "1.2.3.4,[2001:db8::1]:47");
  CHECK(forwarded_chain("", "by=10.0.0.1", "").empty());
  CHECK(forwarded_chain("", "", "unknown").empty());
  // Usual: both, and they agree.
  CHECK(forwarded_chain("6.6.6.6, 1.2.3.4", "", "1.2.3.4") == "6.6.6.6, 1.2.3.4");
  // The proxy sets only one of them; the other came with the request.
  CHECK(forwarded_chain("6.6.6.6", "", "1.2.3.4") == "1.2.3.4");
  const auto proxies = std::vector{*AddressBlock::parse("10.0.0.0/8")};
  CHECK(to_string(forwarded_address(at("10.0.0.9"), "[2001:db8::1]", proxies)) == "2001:db8::1");
}

TEST_CASE("this machine has loopback", "[reachability]") {
  const auto all = interface_addresses();
  CHECK(std::any_of(all.begin(), all.end(), [](auto& one) { return one.address.is_loopback(); }));
  CHECK(std::none_of(all.begin(), all.end(), [](auto& one) { return one.interface.empty(); }));
}
