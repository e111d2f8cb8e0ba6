#include "client/swarm/action.hpp"

namespace barter {

std::string_view to_string(DisconnectReason reason) {
  switch (reason) {
    case DisconnectReason::protocol_error:
      return "protocol_error";
    case DisconnectReason::bad_data:
      return "bad_data";
    case DisconnectReason::self:
      return "self";
    case DisconnectReason::duplicate:
      return "duplicate";
    case DisconnectReason::both_seeds:
      return "both_seeds";
    case DisconnectReason::not_interesting:
      return "not_interesting";
    case DisconnectReason::too_many:
      return "too_many";
    case DisconnectReason::timeout:
      return "timeout";
    case DisconnectReason::idle:
      return "idle";
    case DisconnectReason::flooding:
      return "flooding";
    case DisconnectReason::banned:
      return "banned";
    case DisconnectReason::unused:
      return "unused";
    case DisconnectReason::stopping:
      return "stopping";
    case DisconnectReason::torrent_changed:
      return "torrent_changed";
    case DisconnectReason::closed_by_peer:
      return "closed_by_peer";
    case DisconnectReason::connection_lost:
      return "connection_lost";
  }
  return "unknown";
}

std::string_view to_string(PeerSource source) {
  switch (source) {
    case PeerSource::incoming:
      return "incoming";
    case PeerSource::tracker:
      return "tracker";
    case PeerSource::user:
      return "user";
    case PeerSource::dht:
      return "dht";
    case PeerSource::pex:
      return "pex";
    case PeerSource::lsd:
      return "lsd";
  }
  return "unknown";
}

}  // namespace barter
