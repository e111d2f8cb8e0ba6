// A network of their own for tests that need more than loopback: public addresses, names.
#pragma once

#include <functional>
#include <optional>
#include <string>

namespace barter::testing {

// Runs `work` in a child process whose network is nothing but loopback, which has `address` too
// (IPv4), and whose /etc/hosts says `hosts`. What `work` returned, its complaint; none, with a
// warning, where this machine lets nobody have a network of his own.
std::optional<std::string> in_own_network(const std::string& address, const std::string& hosts,
                                          const std::function<std::string()>& work);

}  // namespace barter::testing
