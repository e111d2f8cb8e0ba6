// What a peer id says of its client (BEP 20). A free function; the text may hold anything a peer
// wrote less what is not printable ASCII.
#pragma once

#include <string>

#include "torrent/digest.hpp"

namespace barter {

// "Transmission 3.0.0"; the code and version where the client is not
// known; empty where there is none.
std::string client_name(const PeerId& peer_id);

}  // namespace barter
