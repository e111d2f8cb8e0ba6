#include "client/swarm/swarm.hpp"

#include "client/swarm/swarm_core.hpp"

namespace barter {

Swarm::Swarm(std::shared_ptr<const Metainfo> metainfo, std::shared_ptr<const SwarmConfig> config,
             PeerId our_id, std::vector<std::vector<std::string>> trackers, std::uint64_t seed)
    : core_(
          std::make_unique<Core>(std::move(metainfo), std::move(config), our_id, trackers, seed)) {}
Swarm::Swarm(const InfoHash& wanted, std::shared_ptr<const SwarmConfig> config, PeerId our_id,
             std::vector<std::vector<std::string>> trackers, std::uint64_t seed)
    : core_(std::make_unique<Core>(wanted, std::move(config), our_id, trackers, seed)) {}
Swarm::~Swarm() = default;
Swarm::Swarm(Swarm&&) noexcept = default;
Swarm& Swarm::operator=(Swarm&&) noexcept = default;

void Swarm::resume(Standing standing) {
  core_->resume(std::move(standing));
}
void Swarm::start(TimePoint now) {
  core_->start(now);
}
void Swarm::stop(TimePoint now) {
  core_->stop(now);
}
void Swarm::metainfo_known(std::shared_ptr<const Metainfo> metainfo, TimePoint now) {
  core_->metainfo_known(std::move(metainfo), now);
}
void Swarm::select(const std::vector<bool>& files, TimePoint now) {
  core_->select(files, now);
}
void Swarm::set_limits(std::uint64_t download, std::uint64_t upload, TimePoint now) {
  core_->set_limits(download, upload, now);
}
void Swarm::set_listen_port(std::uint16_t port) {
  core_->set_listen_port(port);
}
void Swarm::pieces_checked(const Bitfield& have, std::span<const BlockRef> spilled, TimePoint now) {
  core_->pieces_checked(have, spilled, now);
}
void Swarm::pieces_lost(std::span<const PieceIndex> pieces, TimePoint now) {
  core_->pieces_lost(pieces, now);
}
void Swarm::add_peers(PeerSource source, std::span<const Endpoint> peers, TimePoint now) {
  core_->add_peers(source, peers, now);
}
void Swarm::disk_recovered(TimePoint now) {
  core_->disk_recovered(now);
}

void Swarm::peer_connected(ConnectionId connection, const PeerInfo& info, TimePoint now) {
  core_->peer_connected(connection, info, now);
}
void Swarm::connect_failed(const Endpoint& endpoint, ConnectFailure failure, TimePoint now) {
  core_->connect_failed(endpoint, failure, now);
}
void Swarm::messages_received(ConnectionId connection, std::span<wire::Message> messages,
                              TimePoint now) {
  core_->messages_received(connection, messages, now);
}
void Swarm::block_sent(ConnectionId connection, BlockRange range, TimePoint now) {
  core_->block_sent(connection, range, now);
}
void Swarm::metadata_sent(ConnectionId connection, TimePoint now) {
  core_->metadata_sent(connection, now);
}
void Swarm::block_not_sent(ConnectionId connection, BlockRange range, SendFailure failure,
                           TimePoint now) {
  core_->block_not_sent(connection, range, failure, now);
}
void Swarm::peer_disconnected(ConnectionId connection, DisconnectReason reason, TimePoint now) {
  core_->peer_disconnected(connection, reason, now);
}
void Swarm::piece_stored(PieceIndex piece, const StoreOutcome& outcome, TimePoint now,
                         std::vector<BlockBuffer> blocks) {
  core_->piece_stored(piece, outcome, now, std::move(blocks));
}
void Swarm::set_open_piece_bytes(std::uint64_t bytes, TimePoint now) {
  core_->set_open_piece_bytes(bytes, now);
}
void Swarm::memory_short(TimePoint now) {
  core_->memory_short(now);
}
void Swarm::block_spilled(BlockRef block, bool kept, TimePoint now, BlockBuffer buffer) {
  core_->block_spilled(block, kept, now, std::move(buffer));
}
void Swarm::announce_finished(TrackerId tracker, const AnnounceOutcome& outcome, TimePoint now) {
  core_->announce_finished(tracker, outcome, now);
}
void Swarm::network_changed(TimePoint now) {
  core_->network_changed(now);
}
void Swarm::time_passed(TimePoint now) {
  core_->time_passed(now);
}

void Swarm::take_actions(std::vector<Action>& out) {
  core_->take_actions(out);
}
TimePoint Swarm::next_deadline() const {
  return core_->next_deadline();
}

Progress Swarm::progress(TimePoint now) const {
  return core_->progress(now);
}
void Swarm::peers(std::vector<PeerProgress>& out, TimePoint now) const {
  core_->peers(out, now);
}
const Bitfield& Swarm::have() const {
  return core_->have();
}
bool Swarm::wants_connection(const Endpoint& from, TimePoint now) const {
  return core_->wants_connection(from, now);
}
std::uint32_t Swarm::blocks_due(ConnectionId connection) const {
  return core_->blocks_due(connection);
}
TimePoint Swarm::listen_at(ConnectionId connection) const {
  return core_->listen_at(connection);
}
bool Swarm::stopped() const {
  return core_->stopped();
}
bool Swarm::at_rest() const {
  return core_->at_rest();
}
Standing Swarm::standing() const {
  return core_->standing();
}
std::string Swarm::stall_reason(TimePoint now) const {
  return core_->stall_reason(now);
}

std::string Swarm::broken_invariant() const {
  return core_->broken_invariant();
}

}  // namespace barter
