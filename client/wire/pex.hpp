// ut_pex (BEP 11): who else is in the swarm, as peers tell each other. Bytes to values and back; no
// state. Whether a contact may be believed is client/swarm/peer_exchange's to say.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

#include "client/wire/message.hpp"

namespace barter::wire {

// Of one message's contacts added, and of those dropped, so many are read; the rest is ignored.
inline constexpr std::size_t max_contacts_read = 200;

// Empty lists are left out.
std::string pex_payload(const PeerExchange& exchange);
// Nothing if it is no message of this kind: not a dictionary, or with none of the four lists. A
// last record that is cut short is ignored; flags that are missing are 0.
std::optional<PeerExchange> decode_pex(std::string_view payload);

}  // namespace barter::wire
