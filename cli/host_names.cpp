#include "cli/host_names.hpp"

#include <netdb.h>
#include <unistd.h>

#include <algorithm>
#include <memory>

#include "tracker/reachability.hpp"

namespace barter::cli {

std::vector<std::string> host_names() {
  char buffer[256] = {};
  if (gethostname(buffer, sizeof buffer - 1) != 0) return {};
  std::string name = buffer;
  std::transform(name.begin(), name.end(), name.begin(), [](char c) {
    return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
  });
  const std::string first = name.substr(0, name.find('.'));
  return {name, first, first + ".local"};
}

std::vector<Address> resolve(const std::string& name) {
  addrinfo hints{};
  hints.ai_socktype = SOCK_STREAM;
  addrinfo* found = nullptr;
  if (getaddrinfo(name.c_str(), nullptr, &hints, &found) != 0) return {};
  const std::unique_ptr<addrinfo, void (*)(addrinfo*)> owner(found, freeaddrinfo);
  std::vector<Address> out;
  for (const addrinfo* one = found; one != nullptr; one = one->ai_next) {
    if (const auto address = tracker::to_address(one->ai_addr)) out.push_back(*address);
  }
  return out;
}

}  // namespace barter::cli
