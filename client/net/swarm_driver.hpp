// SwarmDriver: one torrent at work. Feeds the Swarm its events, does what its actions ask for, and
// keeps what the core must not have: links (Links), timers, disk jobs, the log. Lives on one
// network thread, on which everything here happens but what is marked otherwise. Decides nothing
// about peers or pieces.
//
// Shared by its handlers and jobs; Torrents holds it until the torrent is removed, or rests.
#pragma once

#include <atomic>
#include <boost/asio/steady_timer.hpp>
#include <chrono>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "chunkstore/store.hpp"
#include "client/add_torrent.hpp"
#include "client/net/driver_shared.hpp"
#include "client/net/io_threads.hpp"
#include "client/net/links.hpp"
#include "client/net/mailbox.hpp"
#include "client/net/named_hosts.hpp"
#include "client/net/piece_check.hpp"
#include "client/net/rest.hpp"
#include "client/net/store_jobs.hpp"
#include "client/swarm/swarm.hpp"
#include "client/torrent_event.hpp"

namespace barter::net {

class SwarmDriver : public LinksOwner, public std::enable_shared_from_this<SwarmDriver> {
 public:
  SwarmDriver(const DriverShared& shared, NetThread& thread, TorrentId id, AddTorrent torrent,
              std::shared_ptr<const SwarmConfig> config, std::shared_ptr<Store> store,
              std::uint64_t seed);
  // Of a magnet link: runs the swarm without a store until begin().
  SwarmDriver(const DriverShared& shared, NetThread& thread, TorrentId id, const AddMagnet& magnet,
              std::shared_ptr<const SwarmConfig> config, std::uint64_t seed);
  ~SwarmDriver();

  // From any thread.
  // Before start(): an earlier driver of this torrent has come to rest with this.
  void resume(Standing standing);
  void start();
  // Others want to wake: rests now, if nobody is linked.
  void hurry();
  // The metainfo of a magnet link has come, and the store is there. Once; what there is of
  // `trackers` in `torrent` does not count, those of the link stay.
  void begin(AddTorrent torrent, std::shared_ptr<Store> store);
  // Withdraws; `done` runs on the network thread when blocks are spilled, all is synced and
  // `stopped` was announced, the last for no longer than `grace`.
  void stop(Duration grace, std::function<void()> done);
  // The disk has not let stop() end: ends without it. Jobs under way keep the driver alive; nothing
  // is heard of it any more. Returns when that is done.
  void give_up();
  // A stranger whose handshake names this torrent, and has not been read. By the stream's thread.
  void adopt(std::unique_ptr<link::Stream> stream, Endpoint remote);
  void add_peers(std::vector<HostPort> peers);
  std::shared_ptr<NamedHosts> peer_names();
  void add_found(PeerSource source, std::vector<Endpoint> peers);
  // Of a request that was made before resume().
  void announce_finished(TrackerId tracker, const AnnounceOutcome& outcome);
  void set_limits(std::uint64_t download, std::uint64_t upload);  // bytes a second
  void set_open_piece_bytes(std::uint64_t bytes);
  void network_changed();
  // May hold blocks of open pieces: everything that is not read-only, until it is complete.
  bool downloading() const { return downloading_.load(std::memory_order_relaxed); }
  std::uint64_t piece_length() const { return piece_length_; }  // 0: not known yet
  // Runs `question` with the swarm on the network thread and waits for it.
  void ask(const std::function<void(const Swarm&)>& question);
  const WireInfoHash& info_hash() const { return info_hash_; }
  // For whoever shares out the global limits: bytes a second, now and then brought up to date.
  struct Rates {
    std::atomic<std::uint64_t> download = 0, upload = 0;
  };
  const Rates& rates() const { return rates_; }

  // LinksOwner. Live: the swarm runs; also while a magnet link's metainfo is fetched, and what is
  // on disk is checked after that.
  bool live() const override {
    return state_ == State::running || state_ == State::fetching ||
           (state_ == State::checking && was_magnet_);
  }
  bool has_dht() const override { return !is_private(); }
  std::shared_ptr<void> alive() override { return shared_from_this(); }
  bool wants_connection(const Endpoint& from) override;
  void connected(ConnectionId id, const PeerInfo& info) override;
  void connect_failed(const Endpoint& endpoint, ConnectFailure failure) override;
  void received(ConnectionId id, std::span<wire::Message> messages) override;
  void sent(ConnectionId id, std::span<const BlockRange> blocks) override;
  void metadata_sent(ConnectionId id) override;
  void not_sent(ConnectionId id, std::span<const BlockRange> blocks, SendFailure failure) override;
  void disconnected(ConnectionId id, DisconnectReason reason, const std::string& detail) override;
  void memory_short() override;
  std::uint32_t blocks_due(ConnectionId id) const override { return swarm_.blocks_due(id); }
  TimePoint listen_at(ConnectionId id) const override { return swarm_.listen_at(id); }
  Result<bool> read_now(BlockRange range, std::span<std::byte> out) override {
    return jobs_.store()->read(range, out, false);
  }
  void read_later(std::shared_ptr<link::PeerLink> link, std::vector<BlockRange> blocks,
                  link::SendBuffer out) override;

 private:
  enum class State : std::uint8_t { fetching, checking, running, stopping, ended };
  // What others did to the files.
  struct Changes {
    std::vector<PieceIndex> lost;
    std::vector<std::string> paths;   // of the files that changed
    std::vector<std::string> absent;  // those that could not be put in their place again
    bool root = true;                 // without it there was nothing to look at
    std::optional<Error> replaced;    // by a file of somebody else's
  };
  // While one lives, events only gather; the last to go drains the actions.
  class Batch {
   public:
    explicit Batch(SwarmDriver& driver) : driver_(driver) { ++driver_.batch_depth_; }
    Batch(const Batch&) = delete;
    Batch& operator=(const Batch&) = delete;
    ~Batch() {
      if (driver_.batch_depth_ == 1) driver_.drain();
      --driver_.batch_depth_;
    }

   private:
    SwarmDriver& driver_;
  };

  // The seam.
  void drain();
  void perform(Connect& action);
  void perform(Disconnect& action);
  void perform(Send& action);
  void perform(SendHave& action);
  void perform(SendBlock& action);
  void perform(CancelBlock& action);
  void perform(StorePiece& action);
  void perform(SpillBlock& action);
  void perform(DropSpilled& action);
  void perform(Announce& action);
  void perform(FindPeers& action);
  void perform(NodeHeard& action);
  void perform(Notify& action);
  void announced(TrackerId tracker, const AnnounceOutcome& outcome);
  void arm_timer();
  template <class Describe>
  void note(Describe describe) {
    if (shared_.trace != nullptr) {
      shared_.trace->event(label_, std::chrono::steady_clock::now(), describe());
    }
  }
  void emit(TorrentEvent event) {
    if (!gave_up_) shared_.emit(id_, std::move(event));
  }

  // The life of the torrent (driver_life.cpp).
  void number_trackers();
  void fetch_metainfo();
  void check();
  void checked(const PieceCheck::Outcome& outcome);
  void begin(Bitfield have);
  void keep(std::span<const std::uint32_t> kept);
  void leave_out(const std::vector<RefusedFile>& refused);
  void give_up_writing(const std::string& why);
  void run(const Bitfield& have);
  // Of torrents that may be parked: those found whole rest before they have traded at all. What
  // comes between is kept for trade().
  bool keeps_waiting() const;
  void add_found_now(PeerSource source, const std::vector<Endpoint>& peers);
  void trade();
  bool rest();
  void fail(Error error);
  void tell_skipped_trackers();
  bool is_private() const { return torrent_.metainfo && torrent_.metainfo->is_private(); }
  void arm_round();
  void round();
  void wanted_complete();
  void sync();
  void synced(const Result<void>& result, bool covers_completion);
  void looked_last(const Changes& changes);
  void tell_names(std::vector<NameNote> notes);
  void tell_disk_trouble(const Error& error);
  void tell_disk_recovered();
  void tell_state_trouble(const std::optional<Error>& trouble);
  void look_for_changes();
  static Changes changes_of(Store& store);
  void files_changed(const Changes& changes);
  void lose(std::span<const PieceIndex> pieces);
  void recheck(const std::vector<PieceIndex>& pieces);
  void recheck_more();
  void look_at_root();
  void root_vanished();
  void root_returned();
  void probe_disk();
  void maybe_ended();
  void end_without_disk();
  void end();
  void close();

  const DriverShared& shared_;
  NetThread& thread_;
  const TorrentId id_;
  const bool was_magnet_;
  AddTorrent torrent_;  // of a magnet link only what is known of it, until begin()
  const std::shared_ptr<const SwarmConfig> config_;
  const WireInfoHash info_hash_;
  std::vector<std::string> trackers_;  // flat, in the order of TrackerId
  std::vector<std::string> skipped_trackers_;
  const std::string label_ = to_hex(info_hash_).substr(0, 8);  // in the trace
  std::shared_ptr<Mailbox> mailbox_ = std::make_shared<Mailbox>(thread_.context);
  StoreJobs jobs_{shared_.disk, mailbox_, thread_.context};
  std::shared_ptr<NamedHosts> names_;  // of peers; null while there are none
  Swarm swarm_;
  Links links_;

  State state_;
  unsigned batch_depth_ = 0;
  std::vector<Action> actions_;

  boost::asio::steady_timer timer_{thread_.context};  // the swarm's next deadline
  TimePoint armed_for_ = never;
  boost::asio::steady_timer round_timer_{thread_.context};
  boost::asio::steady_timer grace_{thread_.context};
  std::atomic<bool> downloading_;
  std::atomic<std::uint64_t> piece_length_ = 0;

  std::uint32_t seen_shortages_ = 0;

  std::shared_ptr<PieceCheck> piece_check_;
  Rates rates_;
  TimePoint last_sync_{}, last_look_{}, last_root_{}, last_probe_{};
  bool syncing_ = false;
  bool sync_failed_ = false;                     // told; tried again until it succeeds
  bool state_behind_ = false;                    // the same of the journal and the spill
  bool completing_ = false, completed_ = false;  // wanted bytes verified; and synced and told
  bool disk_trouble_ = false;
  bool root_missing_ = false;
  Bitfield have_before_missing_;
  // Pieces of changed files to hash again: the rest, those under way, those that were right.
  std::vector<PieceIndex> recheck_;
  std::size_t rechecking_ = 0;
  std::vector<PieceIndex> rechecked_right_, withdrawn_;
  // Those found wrong are hashed again after a pause, which doubles.
  static constexpr Duration recheck_pause_min = std::chrono::seconds(10);
  Duration recheck_pause_ = recheck_pause_min;
  TimePoint next_recheck_{};
  bool resumed_ = false, trading_ = false, rested_ = false;
  std::vector<Job> before_trade_;
  RestClock rest_clock_;
  bool final_sync_ = false, grace_over_ = false, gave_up_ = false;
  std::function<void()> ended_;
};

}  // namespace barter::net
