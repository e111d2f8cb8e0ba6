#include "cli/usable_addresses.hpp"

#include <catch2/catch.hpp>

using namespace barter;
using namespace barter::cli;

namespace {

constexpr const char* eth0_route =
    "Iface\tDestination\tGateway \tFlags\tRefCnt\tUse\tMetric\tMask\t\tMTU\tWindow\tIRTT\n"
    "wlan0\t00000000\t0101A8C0\t0003\t0\t0\t600\t00000000\t0\t0\t0\n"
    "eth0\t00000000\t010200C0\t0003\t0\t0\t100\t00000000\t0\t0\t0\n"
    "eth0\t000200C0\t00000000\t0001\t0\t0\t0\t00FFFFFF\t0\t0\t0\n";
constexpr const char* eth1_ipv6_route =
    "fe800000000000000000000000000000 40 00000000000000000000000000000000 00 "
    "00000000000000000000000000000000 00000100 00000001 00000000 00000001     eth0\n"
    "00000000000000000000000000000000 00 00000000000000000000000000000000 00 "
    "fe800000000000000000000000000001 00000400 00000001 00000000 00000003     eth1\n"
    "00000000000000000000000000000000 00 00000000000000000000000000000000 00 "
    "00000000000000000000000000000000 ffffffff 00000001 00000000 00200200       lo\n";

std::vector<std::string> chosen(const NetworkState& state) {
  std::vector<std::string> out;
  for (const Address& address : choose_addresses(state).addresses) {
    out.push_back(to_string(address));
  }
  return out;
}

tracker::InterfaceAddress at(const char* interface, const char* address) {
  return {interface, *Address::parse(address)};
}

}  // namespace

TEST_CASE("the default route's interface is found", "[usable_addresses]") {
  CHECK(default_ipv4_interface(eth0_route) == "eth0");
  CHECK(default_ipv6_interface(eth1_ipv6_route) == "eth1");
  CHECK(default_ipv4_interface("") == std::nullopt);
  CHECK(default_ipv6_interface("") == std::nullopt);
  CHECK(default_ipv4_interface("garbage\n\n0 0 0 0 0 0 0 0\n") == std::nullopt);
  // An unreachable default is none.
  CHECK(default_ipv4_interface("eth0\t00000000\t0\t0201\t0\t0\t0\t00000000\n") == std::nullopt);
}

TEST_CASE("the way out comes first, IPv4 before IPv6", "[usable_addresses]") {
  NetworkState state;
  state.ipv4_routes = eth0_route;
  state.ipv6_routes = eth1_ipv6_route;
  state.all = {at("lo", "127.0.0.1"),         at("lo", "::1"),
               at("eth1", "10.1.1.1"),        at("eth1", "2001:db8::1"),
               at("eth0", "fd00::2"),         at("eth0", "192.0.2.2"),
               at("eth0", "169.254.1.1"),     at("eth0", "fe80::1"),
               at("docker0", "172.17.0.1"),   at("br-1234", "172.18.0.1"),
               at("virbr0", "192.168.122.1"), at("cni0", "10.88.0.1"),
               at("veth12", "10.99.0.1"),     at("br0", "10.5.0.1")};
  CHECK(chosen(state) ==
        std::vector<std::string>{"192.0.2.2", "2001:db8::1", "10.1.1.1", "10.5.0.1", "fd00::2"});
  CHECK_FALSE(choose_addresses(state).loopback_only);
}

TEST_CASE("addresses that do not last are left out", "[usable_addresses]") {
  NetworkState state;
  state.all = {at("eth0", "2001:db8::1"), at("eth0", "2001:db8::2"), at("eth0", "2001:db8::3"),
               at("eth0", "2001:db8::4")};
  state.ipv6_addresses =
      "20010db8000000000000000000000001 02 40 00 80     eth0\n"
      "20010db8000000000000000000000002 02 40 00 01     eth0\n"  // temporary
      "20010db8000000000000000000000003 02 40 00 20     eth0\n"  // deprecated
      "20010db8000000000000000000000004 02 40 00 c0     eth0\n"  // tentative
      "nonsense\n";
  CHECK(chosen(state) == std::vector<std::string>{"2001:db8::1"});
}

TEST_CASE("a cable to a namespace counts where there is nothing else", "[usable_addresses]") {
  NetworkState state;
  state.all = {at("lo", "127.0.0.1"), at("veth1", "10.0.0.2")};
  CHECK(chosen(state) == std::vector<std::string>{"10.0.0.2"});
  state.all.push_back(at("eth0", "192.0.2.2"));
  CHECK(chosen(state) == std::vector<std::string>{"192.0.2.2"});
}

TEST_CASE("without a network there is loopback", "[usable_addresses]") {
  NetworkState state;
  state.all = {at("lo", "127.0.0.1"), at("docker0", "172.17.0.1"), at("eth0", "fe80::1")};
  CHECK(chosen(state) == std::vector<std::string>{"127.0.0.1"});
  CHECK(choose_addresses(state).loopback_only);
  CHECK_FALSE(usable_addresses().addresses.empty());
}
