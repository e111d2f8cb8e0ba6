// Names of hosts, as the system knows them: what `share` needs to tell
// which requests are for it. Blocking look-ups.
#pragma once

#include <string>
#include <vector>

#include "torrent/endpoint.hpp"

namespace barter::cli {

// The names by which others may know this machine.
std::vector<std::string> host_names();
// The addresses of a name that the user gave; none where it does not resolve here.
std::vector<Address> resolve(const std::string& name);

}  // namespace barter::cli
