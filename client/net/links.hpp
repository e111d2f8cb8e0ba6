// Links: the links of one torrent, and the handshakes that may become some. Does what the swarm
// asks of them (Connect to CancelBlock), keeps to the budgets of descriptors and of memory, and
// tells its owner, the torrent's driver, what happens. Decides nothing about peers.
//
// A link here is a PeerLink over a Stream. Another transport is another Stream; another kind of
// link (a web seed) is another thing in the table, with the same verbs.
//
// Owned by its owner, whom every handshake keeps alive. On the torrent's network thread.
#pragma once

#include <boost/asio/steady_timer.hpp>
#include <memory>
#include <set>
#include <span>
#include <string>
#include <unordered_map>
#include <vector>

#include "client/link/peer_link.hpp"
#include "client/net/driver_shared.hpp"
#include "client/net/io_threads.hpp"
#include "client/net/peer_handshake.hpp"
#include "client/swarm/swarm.hpp"

namespace barter::net {

class LinksOwner {
 public:
  // Questions.
  virtual bool live() const = 0;     // may there be links?
  virtual bool has_dht() const = 0;  // is the torrent none that the DHT must not hear of?
  virtual bool wants_connection(const Endpoint& from) = 0;
  virtual std::uint32_t blocks_due(ConnectionId id) const = 0;  // as of LinkOwner, below too
  virtual TimePoint listen_at(ConnectionId id) const = 0;
  virtual std::shared_ptr<void> alive() = 0;  // keeps it so

  // Events.
  virtual void connected(ConnectionId id, const PeerInfo& info) = 0;
  virtual void connect_failed(const Endpoint& endpoint, ConnectFailure failure) = 0;
  virtual void received(ConnectionId id, std::span<wire::Message> messages) = 0;
  virtual void sent(ConnectionId id, std::span<const BlockRange> blocks) = 0;
  virtual void metadata_sent(ConnectionId id) = 0;
  virtual void not_sent(ConnectionId id, std::span<const BlockRange> blocks,
                        SendFailure failure) = 0;
  virtual void disconnected(ConnectionId id, DisconnectReason reason,
                            const std::string& detail) = 0;
  virtual void memory_short() = 0;  // there are no buffers for blocks, and have not been for long

  virtual Result<bool> read_now(BlockRange range, std::span<std::byte> out) = 0;
  virtual void read_later(std::shared_ptr<link::PeerLink> link, std::vector<BlockRange> blocks,
                          link::SendBuffer out) = 0;

 protected:
  ~LinksOwner() = default;
};

class Links final : public link::LinkOwner, public HandshakeOwner {
 public:
  Links(LinksOwner& owner, const DriverShared& shared, NetThread& thread,
        const WireInfoHash& info_hash);

  // The longest message that may come depends on it. For the links that come after this.
  void set_pieces(std::uint32_t pieces);

  // Actions.
  void connect(const Connect& action);
  void disconnect(ConnectionId id);
  void send(const Send& action);
  void send_have(const SendHave& action);
  void send_block(const SendBlock& action);
  bool cancel_block(const CancelBlock& action);  // false: it is on its way
  bool has_unwritten() const { return !dirty_.empty(); }
  void flush();

  void hear(std::unique_ptr<link::Stream> stream, const Endpoint& remote);
  bool empty() const { return links_.empty() && handshakes_.empty(); }
  void release_spare();  // memory is short
  void retry_starved();  // there may be buffers again
  void close();

  // LinkOwner.
  std::uint32_t blocks_due(ConnectionId id) const override { return owner_.blocks_due(id); }
  TimePoint listen_at(ConnectionId id) const override { return owner_.listen_at(id); }
  void received(link::PeerLink& link, std::span<wire::Message> messages) override;
  void sent(link::PeerLink& link, std::span<const BlockRange> blocks) override;
  void metadata_sent(link::PeerLink& link) override;
  void not_sent(link::PeerLink& link, std::span<const BlockRange> blocks,
                SendFailure failure) override;
  void lost(link::PeerLink& link, DisconnectReason reason, const std::string& detail) override;
  Result<bool> read_now(BlockRange range, std::span<std::byte> out) override {
    return owner_.read_now(range, out);
  }
  void read_later(std::shared_ptr<link::PeerLink> link, std::vector<BlockRange> blocks,
                  link::SendBuffer out) override {
    owner_.read_later(std::move(link), std::move(blocks), std::move(out));
  }
  void await_buffers(std::shared_ptr<link::PeerLink> link) override;

  // HandshakeOwner.
  wire::Handshake our_handshake() const override;
  const WireInfoHash& info_hash() const override { return info_hash_; }
  void handshake_ended(const std::shared_ptr<Handshaking>& handshaking) override;
  void connect_failed(const Endpoint& endpoint, ConnectFailure failure) override {
    owner_.connect_failed(endpoint, failure);
  }
  void shaken(Handshaking& handshaking, const wire::Handshake& theirs, PeerSource source) override;

 private:
  struct Linked {
    std::shared_ptr<link::PeerLink> link;
    ConnectionBudget::Token token;
  };
  link::PeerLink* find(ConnectionId id);
  void touch(link::PeerLink& link);
  void starved_for_long();
  // Of our node of the DHT; 0 where this torrent has nothing to do with it.
  std::uint16_t dht_port() const;
  std::shared_ptr<HandshakeOwner> alive();

  LinksOwner& owner_;
  const DriverShared& shared_;
  NetThread& thread_;
  const WireInfoHash info_hash_;
  wire::ReaderLimits limits_;
  std::unordered_map<std::uint32_t, Linked> links_;
  std::uint32_t next_id_ = 1;
  std::vector<std::shared_ptr<link::PeerLink>> dirty_, flushing_, starved_;
  std::set<std::shared_ptr<Handshaking>> handshakes_;
  boost::asio::steady_timer starved_timer_;
  bool starved_armed_ = false;
  unsigned starved_rounds_ = 0;
};

}  // namespace barter::net
