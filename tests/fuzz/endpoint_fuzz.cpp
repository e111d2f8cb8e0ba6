// Addresses, endpoints, hosts with ports: what is read prints to itself.
#include <algorithm>

#include "tests/fuzz/fuzz.hpp"
#include "torrent/endpoint.hpp"

using namespace barter;
using fuzz::require;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view input = fuzz::text_of(data, size);
  if (const auto address = Address::parse(input)) {
    require(Address::parse(to_string(*address)) == *address, "addresses print to themselves");
  }
  if (const auto endpoint = Endpoint::parse(input)) {
    require(Endpoint::parse(to_string(*endpoint)) == *endpoint, "endpoints print to themselves");
    require(HostPort::parse(input).has_value(), "an endpoint is a host and a port");
  }
  for (const bool with_default : {false, true}) {
    const auto host =
        HostPort::parse(input, with_default ? std::optional<std::uint16_t>(6969) : std::nullopt);
    if (!host) continue;
    const auto again = HostPort::parse(to_string(*host));
    require(again && *again == *host, "hosts print to themselves");
  }
  std::array<std::uint8_t, 16> bytes{};
  std::copy_n(data, std::min<std::size_t>(size, 16), bytes.begin());
  const Address made = Address::v6(bytes);
  require(Address::parse(to_string(made)) == made, "any address can be printed and read");
  require(Address::v6(made.v6_bytes()) == made, "mapped addresses are unmapped");
  return 0;
}
