// The life of a torrent: check, begin, run, a round each second, the end. The other half of
// swarm_driver.cpp, which is about events and actions.
#include <fmt/format.h>

#include <algorithm>
#include <boost/asio/post.hpp>
#include <future>
#include <utility>

#include "client/net/clock.hpp"
#include "client/net/swarm_driver.hpp"
#include "torrent/url.hpp"

namespace barter::net {

namespace asio = boost::asio;
using boost::system::error_code;

namespace {

constexpr auto round_interval = std::chrono::seconds(1);
constexpr auto check_interval = std::chrono::milliseconds(250);  // of CheckProgress
constexpr auto sync_interval = std::chrono::seconds(5);
constexpr auto look_interval = std::chrono::seconds(10);  // at the files, for changes
constexpr auto root_interval = std::chrono::seconds(5);
constexpr auto probe_interval = std::chrono::seconds(3);  // of a disk that gave trouble
constexpr std::size_t rechecks_at_once = 16;
constexpr Duration recheck_pause_max = std::chrono::minutes(10);

}  // namespace

// From nothing to running.

void SwarmDriver::resume(Standing standing) {
  resumed_ = true;
  swarm_.resume(std::move(standing));
}

void SwarmDriver::start() {
  asio::post(thread_.context, [self = shared_from_this()] {
    self->jobs_.set_owner(self);
    self->mailbox_->around = [weak = self->weak_from_this()](bool begin) {
      const auto driver = weak.lock();
      if (!driver) return;
      if (begin) {
        ++driver->batch_depth_;
        return;
      }
      driver->links_.retry_starved();
      if (driver->batch_depth_ == 1) driver->drain();
      --driver->batch_depth_;
    };
    if (self->state_ == State::fetching) return self->fetch_metainfo();
    if (self->state_ != State::checking) return;  // stopped already
    const auto& missing = self->jobs_.store()->report().missing;
    if (!missing.empty()) self->emit(FilesMissing{missing});
    self->check();
  });
}

void SwarmDriver::fetch_metainfo() {
  const Batch batch(*this);
  swarm_.set_listen_port(shared_.port);
  swarm_.start(current_time());
  if (!torrent_.peers.empty()) add_peers(torrent_.peers);
  tell_skipped_trackers();
  arm_round();
}

void SwarmDriver::begin(AddTorrent torrent, std::shared_ptr<Store> store) {
  piece_length_ = torrent.metainfo->layout().piece_length();
  downloading_ = !torrent.read_only;
  asio::post(thread_.context, [self = shared_from_this(), torrent = std::move(torrent),
                               store = std::move(store)]() mutable {
    if (self->state_ != State::fetching) return;  // stopped meanwhile
    self->state_ = State::checking;
    torrent.trackers = std::move(self->torrent_.trackers);
    self->torrent_ = std::move(torrent);
    const Metainfo& metainfo = *self->torrent_.metainfo;
    self->links_.set_pieces(metainfo.layout().piece_count());
    self->jobs_.set_store(std::move(store), metainfo.layout().piece_length());
    self->check();
  });
}

void SwarmDriver::check() {
  const OpenReport& report = jobs_.store()->report();
  if (report.unchecked.empty()) return begin(report.have);
  piece_check_ = std::make_shared<PieceCheck>(
      jobs_, torrent_.metainfo, report.unchecked,
      [this](const PieceCheck::Outcome& outcome) { checked(outcome); });
  piece_check_->start(shared_.disk.threads());
  arm_round();
}

void SwarmDriver::checked(const PieceCheck::Outcome& outcome) {
  emit(CheckProgress{piece_check_->bytes_done(), piece_check_->bytes_total()});
  if (state_ != State::checking) return;
  if (outcome.error) return fail(*outcome.error);
  Bitfield have = jobs_.store()->report().have;
  for (const PieceIndex piece : outcome.right) have.set(to_number(piece));
  begin(std::move(have));
}

void SwarmDriver::begin(Bitfield have) {
  jobs_.maintain(
      [this, may_park = torrent_.may_park, have = std::move(have)](Store& store) mutable {
        auto begun = store.begin();
        // What cannot be parked is remembered by a journal.
        if (begun && may_park && store.verified_files().empty()) begun = store.keep_state();
        return Job([this, begun = std::move(begun), notes = store.take_name_notes(),
                    have = std::move(have)]() mutable {
          if (state_ != State::checking) return;
          tell_names(std::move(notes));
          const BeginReport& report = jobs_.store()->begin_report();
          if (!begun) {
            if (!report.in_the_way.empty()) emit(FilesInTheWay{report.in_the_way});
            return fail(begun.error());
          }
          Bitfield left = have;
          for (const PieceIndex piece : report.withdrawn) left.clear(to_number(piece));
          keep(report.kept);
          leave_out(report.refused);
          run(left);
        });
      });
}

// Files that the user wants left alone.
void SwarmDriver::keep(std::span<const std::uint32_t> kept) {
  if (kept.empty()) return;
  const auto& files = torrent_.metainfo->files();
  if (torrent_.selected.empty()) {
    for (const File& file : files) torrent_.selected.push_back(!file.pad);
  }
  FilesKept event;
  for (const std::uint32_t file : kept) {
    torrent_.selected[file] = false;
    event.paths.push_back(files[file].path);
    event.bytes += files[file].length;
  }
  emit(std::move(event));
}

void SwarmDriver::leave_out(const std::vector<RefusedFile>& refused) {
  if (refused.empty()) return;
  const auto& files = torrent_.metainfo->files();
  if (torrent_.selected.empty()) {
    for (const File& file : files) torrent_.selected.push_back(!file.pad);
  }
  FilesLeftOut event;
  for (const RefusedFile& one : refused) {
    torrent_.selected[one.file] = false;
    event.files.push_back({files[one.file].path, one.error.message, files[one.file].length});
  }
  emit(std::move(event));
}

// What is here is kept as at a stop, and the store closes, so that the files can be looked at anew.
void SwarmDriver::give_up_writing(const std::string& why) {
  if (state_ != State::running) return;
  state_ = State::stopping;
  grace_over_ = true;
  ended_ = [this, why] {
    jobs_.close_store();
    emit(Failed{{Errc::permission_denied, why}, true});
  };
  note([] { return std::string("stop"); });
  swarm_.stop(current_time());
}

void SwarmDriver::run(const Bitfield& have) {
  const OpenReport& report = jobs_.store()->report();
  const TimePoint now = current_time();
  const Batch batch(*this);
  state_ = State::running;
  TransferBegan began;
  began.resumed = report.resumed;
  for (std::size_t i = have.next_set(0); i < have.size(); i = have.next_set(i + 1)) {
    began.have_bytes +=
        torrent_.metainfo->layout().piece_size(PieceIndex{static_cast<std::uint32_t>(i)});
  }
  const Metainfo& metainfo = *torrent_.metainfo;
  if (!metainfo.multi_file()) began.file = jobs_.store()->final_path(metainfo.first_real_file());
  emit(began);
  swarm_.set_listen_port(shared_.port);
  if (was_magnet_) {
    note([&] { return fmt::format("metainfo_known {}", torrent_.metainfo->name()); });
    swarm_.metainfo_known(torrent_.metainfo, now);
  }
  if (torrent_.read_only && !have.all()) {
    // Nothing may be written, so nothing is wanted.
    swarm_.select(std::vector<bool>(torrent_.metainfo->files().size(), false), now);
  } else if (!torrent_.selected.empty()) {
    swarm_.select(torrent_.selected, now);
  }
  note([&] { return fmt::format("pieces_checked {} of {}", have.count(), have.size()); });
  swarm_.pieces_checked(have, report.spilled, now);
  const bool may_rest = torrent_.may_park && !resumed_ && have.all() && before_trade_.empty();
  if (!may_rest) trade();
  last_sync_ = last_look_ = last_root_ = now;
  // It was whole, so what has gone may come back.
  for (std::size_t i = 0; resumed_ && i < have.size(); ++i) {
    if (!have.test(i)) withdrawn_.push_back(PieceIndex{static_cast<std::uint32_t>(i)});
  }
  if (swarm_.progress(now).wanted_complete) wanted_complete();
  if (was_magnet_) return;  // the rest has begun with it
  if (!resumed_) tell_skipped_trackers();
  arm_round();
}

bool SwarmDriver::keeps_waiting() const {
  constexpr std::size_t most_waiting = 16;
  const bool soon =
      state_ == State::checking ? !piece_check_ || resumed_ : state_ == State::running;
  return torrent_.may_park && soon && !trading_ && before_trade_.size() < most_waiting;
}

void SwarmDriver::trade() {
  if (std::exchange(trading_, true)) return;
  const Batch batch(*this);
  swarm_.start(current_time());
  if (!torrent_.peers.empty()) add_peers(torrent_.peers);
  for (Job& waiting : std::exchange(before_trade_, {})) waiting();
}

// Parked, if nothing is lost by that.
bool SwarmDriver::rest() {
  const bool somebody = !links_.empty() || !before_trade_.empty();
  if (!torrent_.may_park || somebody || state_ != State::running || !completed_ || root_missing_ ||
      jobs_.pending() > 0 || !swarm_.at_rest()) {
    return false;
  }
  Rest rest{swarm_.standing(), jobs_.store()->verified_files()};
  if (rest.files.empty()) return false;
  note([] { return std::string("rest"); });
  rested_ = true;
  asio::post(thread_.context, [self = shared_from_this()] {});  // until its caller has returned
  close();
  shared_.rested(id_, std::move(rest));
  return true;
}

void SwarmDriver::hurry() {
  asio::post(thread_.context, [self = shared_from_this()] { self->rest(); });
}

void SwarmDriver::tell_skipped_trackers() {
  for (const std::string& url : skipped_trackers_) {
    TrackerMessage message;
    message.tracker = TrackerId{0xffff};
    message.message = redacted(url) + ": no URL of a tracker, skipped";
    emit(Notice(message));
  }
}

void SwarmDriver::fail(Error error) {
  end();
  emit(Failed{std::move(error), false});
}

// Rounds.

void SwarmDriver::arm_round() {
  if (state_ == State::ended) return;
  round_timer_.expires_after(state_ == State::checking ? Duration(check_interval)
                                                       : Duration(round_interval));
  round_timer_.async_wait([weak = weak_from_this()](const error_code& error) {
    const auto self = weak.lock();
    if (!error && self) self->round();
  });
}

void SwarmDriver::round() {
  const Batch batch(*this);
  if (state_ == State::checking && piece_check_) {
    emit(CheckProgress{piece_check_->bytes_done(), piece_check_->bytes_total()});
  }
  if (state_ == State::running) {
    if (seen_shortages_ != shared_.shortages) memory_short();
    const TimePoint now = current_time();
    const Progress progress = swarm_.progress(now);
    rates_.download = progress.download_rate;
    rates_.upload = progress.upload_rate;
    jobs_.store()->look_anew();
    const bool unsynced = jobs_.store()->unsynced_bytes() > 0 || sync_failed_ || state_behind_;
    if (now - last_sync_ >= sync_interval && unsynced) sync();
    if (now - last_root_ >= root_interval) look_at_root();
    const bool look = now - last_look_ >= look_interval || jobs_.store()->change_noticed();
    if (!root_missing_ && look && !swarm_.have().none()) look_for_changes();
    // A file may have been looked at while it was being written, or be put right again. Who
    // downloads fetches what is missing instead.
    if (torrent_.read_only && !root_missing_ && !withdrawn_.empty() && now >= next_recheck_) {
      recheck(std::exchange(withdrawn_, {}));
    }
    if (disk_trouble_ && !root_missing_ && now - last_probe_ >= probe_interval) probe_disk();
    if (torrent_.may_park && rest_clock_.is_over(!links_.empty(), now) && rest()) return;
  }
  arm_round();
}

void SwarmDriver::wanted_complete() {
  if (completing_ || completed_) return;
  completing_ = true;
  sync();
}

void SwarmDriver::sync() {
  if (std::exchange(syncing_, true)) return;
  jobs_.maintain([this, covers = completing_](Store& store) {
    auto result = store.sync();
    return Job([this, covers, result = std::move(result), trouble = store.state_trouble(),
                notes = store.take_name_notes()]() mutable {
      tell_names(std::move(notes));
      tell_state_trouble(trouble);
      synced(result, covers);
    });
  });
}

void SwarmDriver::tell_names(std::vector<NameNote> notes) {
  if (!notes.empty()) emit(FilesNamed{std::move(notes)});
}

void SwarmDriver::tell_disk_trouble(const Error& error) {
  DiskTrouble trouble;
  trouble.message = error.message;
  trouble.no_space = error.code == Errc::no_space;
  emit(Notice(std::move(trouble)));
}

// Nothing stands still for want of a memory of it.
void SwarmDriver::tell_state_trouble(const std::optional<Error>& trouble) {
  if (trouble.has_value() == state_behind_) return;
  state_behind_ = trouble.has_value();
  emit(StateTrouble{trouble});
  if (!state_behind_ && !disk_trouble_)
    swarm_.disk_recovered(current_time());  // it may spill again
}

// A failed sync pauses nothing, but what it covered is in doubt until one succeeds.
void SwarmDriver::tell_disk_recovered() {
  if (!std::exchange(sync_failed_, false) || disk_trouble_) return;
  emit(Notice(DiskRecovered{}));
}

void SwarmDriver::synced(const Result<void>& result, bool covers_completion) {
  syncing_ = false;
  last_sync_ = current_time();
  if (!result) {
    if (!std::exchange(sync_failed_, true)) tell_disk_trouble(result.error());
    last_look_ = {};  // the store may have come to distrust pieces
    return trade();
  }
  if (!completing_) return tell_disk_recovered();
  if (!covers_completion) return sync();  // the last piece came after this sync had begun
  // All is durable. Is it still there, as it was left?
  jobs_.maintain([this](Store& store) {
    return Job([this, changes = changes_of(store)] {
      looked_last(changes);
      if (state_ == State::running) trade();
    });
  });
}

void SwarmDriver::looked_last(const Changes& changes) {
  if (state_ == State::ended || !completing_) return;
  if (!changes.root) {
    completing_ = false;  // root_returned() goes on
    if (!root_missing_ && state_ == State::running) root_vanished();
    return;
  }
  if (changes.replaced) return give_up_writing(changes.replaced->message);
  if (!changes.lost.empty()) {
    tell_disk_recovered();
    if (state_ == State::running) files_changed(changes);
    return;
  }
  if (!changes.absent.empty() && !torrent_.read_only) {
    // An empty file, say, of which no piece can tell. Looked at again after the next sync.
    if (std::exchange(sync_failed_, true)) return;
    return tell_disk_trouble(
        {Errc::not_found,
         changes.absent.front() + " cannot be put in its place: something else is there"});
  }
  tell_disk_recovered();
  completing_ = false;
  completed_ = true;
  downloading_ = false;
  emit(Completed{});
  if (!trading_) rest();
}

// Files that change underneath.

// On the pool.
SwarmDriver::Changes SwarmDriver::changes_of(Store& store) {
  Changes out;
  out.lost = store.find_changes();
  out.paths = store.changed_files();
  out.absent = store.absent_files();
  out.replaced = store.replaced();
  out.root = store.root_present();
  return out;
}

void SwarmDriver::look_for_changes() {
  last_look_ = current_time();
  jobs_.maintain([this](Store& store) {
    return Job([this, changes = changes_of(store)] {
      if (changes.replaced) return give_up_writing(changes.replaced->message);
      if (!changes.lost.empty() && state_ == State::running) files_changed(changes);
    });
  });
}

void SwarmDriver::lose(std::span<const PieceIndex> pieces) {
  completing_ = completed_ = false;
  downloading_ = !torrent_.read_only;
  if (torrent_.read_only) {
    swarm_.select(std::vector<bool>(torrent_.metainfo->files().size(), false), current_time());
  }
  note([&] { return fmt::format("pieces_lost {}", pieces.size()); });
  swarm_.pieces_lost(pieces, current_time());
}

// Pieces are lost without a change, too: when a sync has failed.
void SwarmDriver::files_changed(const Changes& changes) {
  lose(changes.lost);
  recheck_pause_ = recheck_pause_min;
  if (!changes.paths.empty()) emit(FilesChanged{changes.paths});
  recheck(changes.lost);
}

void SwarmDriver::recheck(const std::vector<PieceIndex>& pieces) {
  recheck_.insert(recheck_.end(), pieces.rbegin(), pieces.rend());
  recheck_more();
}

// One piece to a job: a piece may be on its way from a peer again, and its jobs keep their order.
void SwarmDriver::recheck_more() {
  while (rechecking_ < rechecks_at_once && !recheck_.empty() && state_ == State::running) {
    const PieceIndex piece = recheck_.back();
    recheck_.pop_back();
    ++rechecking_;
    jobs_.check_piece(piece, [this, piece](const Result<bool>& right) {
      --rechecking_;
      (right && *right ? rechecked_right_ : withdrawn_).push_back(piece);
      recheck_more();
    });
  }
  if (rechecking_ > 0 || state_ != State::running) return;
  next_recheck_ = current_time() + recheck_pause_;
  recheck_pause_ = std::min<Duration>(2 * recheck_pause_, recheck_pause_max);
  if (rechecked_right_.empty()) return;
  Bitfield have = swarm_.have();
  for (const PieceIndex piece : rechecked_right_) have.set(to_number(piece));
  rechecked_right_.clear();
  note([&] { return fmt::format("pieces_checked {} of {}", have.count(), have.size()); });
  swarm_.pieces_checked(have, {}, current_time());
  if (swarm_.progress(current_time()).wanted_complete) wanted_complete();
}

// A root folder that vanishes: an unplugged disk, say.

void SwarmDriver::look_at_root() {
  last_root_ = current_time();
  jobs_.maintain([this](Store& store) {
    return Job([this, present = store.root_present()] {
      if (state_ != State::running || present == !root_missing_) return;
      present ? root_returned() : root_vanished();
    });
  });
}

void SwarmDriver::root_vanished() {
  root_missing_ = true;
  have_before_missing_ = swarm_.have();
  std::vector<PieceIndex> all;
  for (std::size_t i = have_before_missing_.next_set(0); i < have_before_missing_.size();
       i = have_before_missing_.next_set(i + 1)) {
    all.push_back(PieceIndex{static_cast<std::uint32_t>(i)});
  }
  emit(RootMissing{});
  if (!all.empty()) lose(all);
}

void SwarmDriver::root_returned() {
  root_missing_ = false;
  emit(RootReturned{});
  jobs_.maintain([this](Store& store) {
    return Job([this, lost = store.find_changes()] {
      if (state_ != State::running) return;
      Bitfield have = have_before_missing_;
      for (const PieceIndex piece : lost) have.clear(to_number(piece));
      swarm_.pieces_checked(have, {}, current_time());
      swarm_.disk_recovered(current_time());
      recheck(lost);
      if (swarm_.progress(current_time()).wanted_complete) wanted_complete();
    });
  });
}

void SwarmDriver::probe_disk() {
  last_probe_ = current_time();
  const std::uint64_t piece = torrent_.metainfo->layout().piece_length();
  const Progress progress = swarm_.progress(last_probe_);
  const std::uint64_t lacking = progress.wanted_bytes - progress.verified_bytes;
  const std::uint64_t need =
      std::min(lacking, piece + std::min<std::uint64_t>(4 * piece, 64 << 20));
  jobs_.maintain([this, need](Store& store) {
    return Job([this, room = store.has_space(need)] {
      if (!room || !disk_trouble_ || state_ != State::running) return;
      disk_trouble_ = false;
      note([] { return std::string("disk_recovered"); });
      swarm_.disk_recovered(current_time());
    });
  });
}

// The end.

void SwarmDriver::stop(Duration grace, std::function<void()> done) {
  asio::post(thread_.context, [self = shared_from_this(), grace, done = std::move(done)] {
    if (self->state_ == State::ended) return done();
    self->ended_ = done;
    if (self->state_ == State::stopping) return;
    const Batch batch(*self);
    if (self->state_ == State::checking) {
      if (self->piece_check_) self->piece_check_->cancel();
      self->grace_over_ = !self->was_magnet_;  // nobody knows of us yet
    }
    if (!self->grace_over_) {
      self->note([] { return std::string("stop"); });
      self->swarm_.stop(current_time());
      self->grace_.expires_after(grace);
      self->grace_.async_wait([weak = self->weak_from_this()](const error_code& error) {
        const auto driver = weak.lock();
        if (error || !driver) return;
        const Batch last(*driver);
        driver->grace_over_ = true;
      });
    }
    self->state_ = State::stopping;
  });
}

void SwarmDriver::give_up() {
  std::promise<void> done;
  asio::post(thread_.context, [self = shared_from_this(), &done] {
    self->end_without_disk();
    done.set_value();
  });
  done.get_future().wait();
}

void SwarmDriver::end_without_disk() {
  if (state_ == State::ended) return;
  const Batch batch(*this);
  DiskTrouble trouble;
  trouble.message =
      "the disk does not answer: stopped without it; what was not yet safe on it is checked at the "
      "next start";
  emit(Notice(std::move(trouble)));
  gave_up_ = true;
  end();
}

void SwarmDriver::maybe_ended() {
  if (!(swarm_.stopped() || grace_over_) || jobs_.pending() > 0 || final_sync_) return;
  final_sync_ = true;
  if (!jobs_.store()) return end();
  jobs_.maintain([this](Store& store) {
    auto result = store.sync();
    return Job([this, result = std::move(result), notes = store.take_name_notes()]() mutable {
      tell_names(std::move(notes));
      if (!result) tell_disk_trouble(result.error());
      end();
    });
  });
}

void SwarmDriver::end() {
  shared_.finders.end(info_hash_);
  close();
  if (const auto ended = std::exchange(ended_, nullptr)) ended();
}

void SwarmDriver::close() {
  state_ = State::ended;
  if (names_) names_->stop();
  mailbox_->close();
  links_.close();
  timer_.cancel();
  round_timer_.cancel();
  grace_.cancel();
  rates_.download = rates_.upload = 0;
  downloading_ = false;
}

}  // namespace barter::net
