// `barter share`: makes torrents of files and folders, tracks and seeds them, all on one port.
#include <algorithm>
#include <atomic>
#include <memory>
#include <mutex>
#include <utility>

#include <fmt/format.h>
#include <unistd.h>
#include <boost/json/array.hpp>

#include "cli/audience.hpp"
#include "cli/command.hpp"
#include "cli/explain.hpp"
#include "cli/flags.hpp"
#include "cli/host_names.hpp"
#include "cli/newcomers.hpp"
#include "cli/share_change.hpp"
#include "cli/share_item.hpp"
#include "cli/share_options.hpp"
#include "cli/share_report.hpp"
#include "cli/share_site.hpp"
#include "cli/share_token.hpp"
#include "cli/signals.hpp"
#include "cli/sizes.hpp"
#include "cli/state_folder.hpp"
#include "cli/text.hpp"
#include "cli/torrent_pin.hpp"
#include "cli/torrent_source.hpp"
#include "cli/transfer.hpp"
#include "cli/usable_addresses.hpp"
#include "client/client.hpp"
#include "torrent/magnet.hpp"
#include "torrent/write_file.hpp"
#include "tracker/http_server.hpp"

namespace barter::cli {
namespace {

using namespace std::chrono_literals;
using std::chrono::steady_clock;

constexpr std::uint16_t default_port = 6969;
const Address both_families = Address::v6({});  // of a server, "::" is IPv4 too
// A crowd that forms must find each other: those who came early hear of the late ones within this
// many seconds. Members are kept far longer, as some clients announce every five minutes at most.
constexpr std::uint32_t announce_interval = 20;
constexpr std::uint32_t announce_jitter = 3;
constexpr std::uint32_t min_announce_interval = 5;
constexpr auto member_expiry = 15min;
// Trackers and peers in a magnet link; clients try all, the dead ones too.
constexpr std::size_t addresses_in_magnet = 4;
constexpr auto look_interval = 100ms;
constexpr auto links_interval = 500ms;  // between looks at who has what
// After the files were found to be the same the client has this long to see it, too.
constexpr auto recovery_time = 10s;
// Announces that are kept until they are looked at.
constexpr std::size_t max_words = 10'000;
constexpr auto metrics_interval = 1s;
constexpr std::size_t max_hosts_bytes = 16 << 20;
// Descriptors beside the server's: those of the client but for its connections, and of each path.
constexpr std::uint32_t client_descriptors = 360, descriptors_per_path = 8;
constexpr auto own_announce_timeout = 3s;
constexpr auto stop_grace = 3s;

using Options = ShareOptions;

class Share {
 public:
  Share(const Options& options, Output& output)
      : options_(options), output_(output), explainer_(options.explain) {}

  int run() {
    const CreateOptions creation = create_options(options_);
    parse_address();
    listen_ = parse_addresses("--listen", options_.listen);
    if (listen_.empty()) listen_.push_back(both_families);
    if (const auto folder = state_folder(options_.state_dir, &output_)) {
      state_folder_ = *folder;
    } else {
      output_.warning(folder.error().message + "; nothing will be remembered");
    }
    memory_.emplace(state_folder_);
    sweep_state_folder(state_folder_, output_);
    if (auto read = read_expected(); !read) return output_.fail(read.error());
    creation_ = creation;
    Result<void> outcome = plan(creation);
    if (outcome) outcome = start_server();
    if (outcome) outcome = start_client();
    if (outcome) outcome = serve_all(creation);
    if (outcome) outcome = share();
    stop();
    if (!outcome && outcome.error().code != Errc::cancelled) return output_.fail(outcome.error());
    if (withdrawn_ != 0) return exit_failed;
    return complete_ ? exit_done : exit_stalled;
  }

 private:
  struct Item : ShareItem {
    std::optional<TorrentId> id;
    Watched watched;
    std::unique_ptr<Audience> audience;  // once it is shared
    bool withdrawn = false;
  };
  struct Change : ShareChange {
    std::size_t item = 0;
  };
  void parse_address() {
    if (options_.address.empty()) return;
    const auto parsed = HostPort::parse(options_.address, std::uint16_t{0});
    if (!parsed) throw UsageError(fmt::format("--address: {}", parsed.error().message));
    address_ = *parsed;
    std::string& host = address_->host;
    std::transform(host.begin(), host.end(), host.begin(), [](char c) {
      return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
    });
    if (const auto literal = Address::parse(host)) host = to_string(*literal);
  }

  Result<void> read_expected() {
    if (options_.expect_hosts.empty()) return {};
    const auto text = read_file(options_.expect_hosts, max_hosts_bytes);
    if (!text) return text.error();
    auto hosts = ExpectedHosts::parse(*text, options_.expect_hosts);
    if (!hosts) return hosts.error();
    expected_.emplace(std::move(*hosts), resolve);
    return {};
  }

  Result<void> plan(const CreateOptions& creation) {
    std::vector<std::string> names;
    for (const std::string& path : options_.paths) {
      auto item = plan_item(path, creation);
      if (!item) return item.error();
      for (const Item& other : items_) {
        if (other.source == item->source) {
          throw UsageError(fmt::format("{} is given twice", cli::quoted(path)));
        }
      }
      names.push_back(item->plan.name);
      tell_left_out(*item);
      items_.emplace_back();
      static_cast<ShareItem&>(items_.back()) = std::move(*item);
    }
    names_ = unique_names(std::move(names));
    auto token = choose_token();
    if (!token) return token.error();
    site_.emplace(names_, std::move(*token));
    for (const Item& item : items_) {
      remembered_.push_back(memory_->recall(item.source, variant(options_)));
      if (port_ == 0 && remembered_.back()) port_ = remembered_.back()->port;
    }
    return {};
  }

  Result<std::string> choose_token() {
    if (options_.no_token) return std::string();
    if (!options_.token_file.empty()) return token_of_file(options_.token_file);
    if (state_folder_.empty()) return make_token();
    auto token = remembered_token(state_folder_);
    if (token) return token;
    output_.warning(fmt::format("{}: the URLs hold until this share ends", token.error().message));
    return make_token();
  }

  void tell_left_out(const ShareItem& item) {
    const std::string left_out = in_words(item.plan.walk.left_out);
    if (!left_out.empty())
      output_.message(fmt::format("{}: left out {}", item.plan.name, left_out));
    const std::string replaced = in_words(item.plan.walk.replaced);
    if (!replaced.empty()) output_.message(fmt::format("in the torrent: {}", replaced));
  }

  Result<void> start_server() {
    tracker::HttpServerOptions options;
    options.registry.interval = announce_interval;
    options.registry.interval_jitter = announce_jitter;
    options.registry.min_interval = min_announce_interval;
    options.registry.expires_after = member_expiry;
    options.allowed.emplace();  // what is not hashed yet has nobody to be told of
    options.reserved_descriptors = client_descriptors + ClientOptions().max_connections +
                                   descriptors_per_path * static_cast<std::uint32_t>(items_.size());
    options.host_names = host_names();
    if (address_) {
      options.host_names.push_back(address_->host);
      options.public_name = address_->host;
      options.public_addresses = resolve(address_->host);
    }
    options.stats_path = site_->path_of("stats");
    options.other = [this](const tracker::HttpQuestion& question) {
      return site_->answer(question);
    };
    options.not_http = [this](int descriptor, Endpoint remote, std::string received) {
      if (Client* client = client_.load()) {
        client->adopt_connection(descriptor, remote, std::move(received));
      } else {
        ::close(descriptor);  // nothing is seeded yet
      }
    };
    const auto hear = [this](const tracker::AnnounceRequest& announce, const Endpoint& from,
                             bool completed) {
      const std::lock_guard lock(mutex_);
      if (words_.size() >= max_words) return;
      words_.push_back({announce.info_hash, announce.peer_id, from, completed, announce.left == 0});
    };
    options.announced = [hear](const auto& announce, const auto& from) {
      hear(announce, from, false);
    };
    options.completed = [hear](const auto& announce, const auto& from) {
      hear(announce, from, true);
    };
    const auto listen = [&](std::uint16_t port, bool next) {
      options.listen.clear();
      for (const Address& address : listen_) options.listen.push_back({address, port});
      options.next_free_port = next;
      return tracker::HttpServer::start(options);
    };
    const std::uint16_t remembered = port_;
    auto server = options_.has_port ? listen(options_.port, false)
                  : remembered != 0 ? listen(remembered, false)
                                    : listen(default_port, true);
    if (!server && server.error().code == Errc::address_in_use && !options_.has_port &&
        remembered != 0) {
      output_.warning(
          fmt::format("port {}, used the last time, is taken: the URL changes", remembered));
      server = listen(default_port, true);
    }
    if (!server) return server.error();
    server_ = std::move(*server);
    port_ = server_->port();
    site_->set_peer_port(address_ && address_->port != 0 ? address_->port : port_);
    if (address_) {
      hosts_ = {{address_->host, address_->port != 0 ? address_->port : port_}};
    } else {
      bool loopback_only = false;
      hosts_ = reached_at(listen_, port_, loopback_only);
      if (loopback_only) output_.message("no network: these lines work on this machine only");
    }
    return {};
  }

  // What to give to `get`: where it is, and, once that is known, which torrent it is.
  std::vector<std::string> urls_of(std::size_t i) const {
    const auto& metainfo = items_[i].metainfo;
    const std::string pin = metainfo ? pin_text(metainfo->info_hash()) : std::string();
    std::vector<std::string> out;
    for (const HostPort& host : hosts_) {
      out.push_back(fmt::format("http://{}{}{}", to_string(host), site_->path_of(i), pin));
    }
    return out;
  }

  // Twice: when connections are accepted, and when everything is served.
  void tell_listening() {
    boost::json::array urls;
    for (std::size_t i = 0; i < items_.size(); ++i) {
      for (const std::string& url : urls_of(i)) urls.push_back(boost::json::value(url));
    }
    boost::json::object fields{{"port", port_},
                               {"peer_id", to_hex(owned_client_->peer_id())},
                               {"urls", std::move(urls)},
                               {"magnet", nullptr},
                               {"magnets", boost::json::array(magnets_.begin(), magnets_.end())}};
    if (magnets_.size() == items_.size()) fields["magnet"] = magnets_.front();
    output_.event("listening", std::move(fields));
  }

  // Our own tracker, as we reach it ourselves.
  std::string own_tracker() const {
    const Address& first = listen_.front();
    const std::string host = first.is_unspecified() ? "127.0.0.1" : to_string(first);
    return fmt::format("http://{}/announce", to_string(HostPort{host, port_}));
  }

  Result<void> start_client() {
    ClientOptions options;
    options.adopted_port = port_;
    const bool anywhere = std::find(listen_.begin(), listen_.end(), both_families) != listen_.end();
    if (!anywhere) options.connect_from = listen_;
    options.state_folder = state_folder_;
    options.upload_limit = options_.up_limit;
    options.local_discovery = options_.is_public && !options_.no_lsd;
    options.dht = options_.is_public && !options_.no_dht;
    options.trace_file = options_.trace_file;
    if (options_.max_peers != 0) {
      options.max_connections = options.swarm.max_connections = options_.max_peers;
    }
    auto client = Client::start(options, inbox_.handler());
    if (!client) return client.error();
    owned_client_ = std::move(*client);
    client_ = owned_client_.get();
    return {};
  }

  Result<void> serve_all(const CreateOptions& creation) {
    tell_listening();
    for (std::size_t i = 0; i < items_.size(); ++i) {
      Item& item = items_[i];
      site_->set_progress(i, 0, item.plan.walk.total_size);
      if (!remembered_[i] || !reuse(item, *remembered_[i])) {
        for (const std::string& url : urls_of(i)) {
          output_.message(fmt::format("hashing; this waits for it: barter get {}", url));
        }
        if (auto done = hash(i, creation); !done) return done;
      }
      remember(item);
      if (auto done = seed(i); !done) return done;
      tell_shared(i);
    }
    tell_listening();
    return {};
  }

  Result<void> hash(std::size_t i, const CreateOptions& creation) {
    Item& item = items_[i];
    const auto done = hash_item(item, creation, [&](std::uint64_t bytes, std::uint64_t total) {
      site_->set_progress(i, bytes, total);
      update_metrics();
      output_.hashing({bytes, total, item.source});
      return !signals::stop_requested();
    });
    output_.end_progress();
    return done;
  }

  void remember(const Item& item) {
    const Remembered now{port_, item.torrent, item.files};
    const auto done = memory_->remember(item.source, variant(options_), now);
    if (!done) output_.warning(fmt::format("not remembered: {}", done.error().message));
  }

  // Seeds it, and serves its torrent once the seed can be found: whoever asked the tracker before
  // would be told of nobody and wait for his next announce.
  Result<void> seed(std::size_t i) {
    Item& item = items_[i];
    const WireInfoHash hash = item.metainfo->info_hash().wire();
    const bool known = std::find(allowed_.begin(), allowed_.end(), hash) != allowed_.end();
    if (!known) {  // equal files with equal names in two places are one torrent
      allowed_.push_back(hash);
      server_->allow(allowed_);
      AddTorrent torrent;
      torrent.metainfo = item.metainfo;
      torrent.folder = item.folder;
      torrent.read_only = true;
      torrent.verified = verified_files(item);
      torrent.trackers = {{own_tracker()}};
      auto id = owned_client_->add(std::move(torrent));
      if (!id) return id.error();
      item.id = *id;
      note_transfer_in_state(state_folder_, *item.metainfo, item.folder, output_);
      if (!item.audience) {
        item.audience = std::make_unique<Audience>(item.metainfo, state_folder_,
                                                   expected_ ? &*expected_ : nullptr, output_);
      }
      item.watched = {};
      item.watched.metainfo = item.metainfo;
      item.watched.data_path = item.source;
      const auto until = steady_clock::now() + own_announce_timeout;
      while (server_->scrape(hash).complete == 0) {
        if (auto fine = handle_events(); !fine) return fine;
        inbox_.wait(5ms);
        if (signals::stop_requested()) return Error{Errc::cancelled, "interrupted"};
        // A check of files that do not look as they did takes its time.
        if (item.watched.began && steady_clock::now() > until) break;
      }
    }
    site_->set_torrent(i, item.torrent, pin_text(item.metainfo->info_hash()));
    return {};
  }

  // The lines to type on the other machines.
  void tell_shared(std::size_t i) {
    const Item& item = items_[i];
    const auto urls = urls_of(i);
    for (const std::string& url : urls) output_.print("barter get " + url);
    Magnet magnet;
    magnet.info_hash = item.metainfo->info_hash();
    magnet.name = item.metainfo->name();
    for (const HostPort& host : hosts_) {
      if (magnet.peers.size() == addresses_in_magnet) break;
      magnet.trackers.push_back(fmt::format("http://{}/announce", to_string(host)));
      magnet.peers.push_back(host);
    }
    magnets_.push_back(to_string(magnet));
    output_.print(magnets_.back());
    boost::json::object fields = torrent_fields(*item.metainfo);
    fields["path"] = item.source;
    fields["urls"] = boost::json::array(urls.begin(), urls.end());
    fields["magnet"] = magnets_.back();
    output_.event("shared", std::move(fields));
  }

  // Until enough copies are out, the time is over, nothing is left to share or somebody interrupts.
  Result<void> share() {
    output_.message("sharing; Ctrl-C stops");
    const auto began = began_at_ = steady_clock::now();
    while (!enough_copies()) {
      if (options_.time != std::chrono::milliseconds::max() &&
          steady_clock::now() - began >= options_.time) {
        timed_out_ = true;
        break;
      }
      inbox_.wait(look_interval);
      if (signals::stop_requested()) break;
      if (auto fine = handle_events(); !fine) return fine;
      if (auto fine = handle_changes(); !fine) return fine;
      count_copies();
      show_progress();
    }
    output_.end_progress();
    return {};
  }

  // What was asked for: copies, hosts, or both.
  bool enough_copies() const {
    if (options_.copies == 0 && !expected_) return false;
    return std::all_of(items_.begin(), items_.end(), [&](const Item& item) {
      if (!item.id) return true;
      return item.audience->count() >= options_.copies && item.audience->missing().empty();
    });
  }

  void count_copies() {
    const auto now = steady_clock::now();
    if (now - looked_at_links_ >= links_interval) {
      looked_at_links_ = now;
      for (Item& item : items_) {
        if (!item.id) continue;
        for (const PeerProgress& peer : owned_client_->peers(*item.id))
          item.audience->saw_link(peer);
      }
    }
    std::vector<Word> words;
    {
      const std::lock_guard lock(mutex_);
      words.swap(words_);
    }
    for (const Word& word : words) {
      if (word.peer_id == owned_client_->peer_id()) continue;
      newcomers_.heard(word, now);
      for (Item& item : items_) {
        if (!item.id || item.metainfo->info_hash().wire() != word.info_hash) continue;
        if (item.audience->heard(word)) {
          owned_client_->add_peers(*item.id, {{to_string(word.from.address), word.from.port}});
        }
      }
    }
    for (const Word& word : newcomers_.due(now))
      owned_client_->introduce(word.info_hash, word.peer_id, word.from);
    for (Item& item : items_) {
      if (item.audience) item.audience->save(false);
    }
    tell_unresolved();
    update_metrics();
  }

  // Once, when each of the names had its chance.
  void tell_unresolved() {
    if (!expected_ || told_unresolved_ || steady_clock::now() - began_at_ < 3s) return;
    told_unresolved_ = true;
    for (const std::string& name : expected_->unresolved()) {
      output_.warning(fmt::format("--expect-hosts: {} is not found; looking for it again", name));
    }
  }

  // For /TOKEN/metrics.
  void update_metrics() {
    const auto now = steady_clock::now();
    if (now - metrics_at_ < metrics_interval) return;
    metrics_at_ = now;
    std::vector<ShareCounts> counts;
    for (std::size_t i = 0; i < items_.size(); ++i) {
      const Item& item = items_[i];
      ShareCounts one;
      one.name = names_[i];
      one.bytes = item.plan.walk.total_size;
      one.served = item.audience && !item.withdrawn;
      one.copies = item.audience ? item.audience->count() : 0;
      if (expected_) {
        one.missing_hosts =
            item.audience ? item.audience->missing().size() : expected_->names().size();
      }
      const Progress progress = item.id ? owned_client_->progress(*item.id) : Progress{};
      one.peers = progress.connections;
      one.seeds = progress.seeds;
      one.uploaded = progress.uploaded;
      one.upload_rate = progress.upload_rate;
      counts.push_back(std::move(one));
    }
    site_->set_metrics(share_metrics(counts));
  }

  std::vector<TorrentId> torrents() const {
    std::vector<TorrentId> out;
    for (const Item& item : items_) {
      if (item.id) out.push_back(*item.id);
    }
    return out;
  }

  void show_progress() {
    TransferStatus status = transfer_status(*owned_client_, torrents());
    if (items_.size() == 1) status.name = items_.front().plan.name;
    uploaded_ = status.uploaded;
    seen_peers_ = seen_peers_ || status.peers != 0;
    explainer_.add(*owned_client_, torrents(), status);
    if (seen_peers_ || options_.explain) output_.transfer(status);
  }

  Result<void> handle_events() {
    for (const auto& [id, event] : inbox_.take()) {
      const auto item = std::find_if(items_.begin(), items_.end(),
                                     [id = id](const Item& one) { return one.id == id; });
      if (item == items_.end()) continue;
      if (auto change = find_change(event, *item)) {
        changes_.push_back({std::move(*change), static_cast<std::size_t>(item - items_.begin())});
        item->watched.began = true;
        continue;
      }
      if (const auto* notice = std::get_if<Notice>(&event)) {
        const auto* left = std::get_if<PeerLeft>(notice);
        if (left != nullptr) item->audience->saw_link(left->peer);
      }
      if (std::holds_alternative<TransferBegan>(event)) {
        item->watched.began = true;  // that it was checked is no news here
      } else {
        tell(event, item->watched, output_);
      }
      if (item->watched.failed) return *item->watched.failed;
    }
    return {};
  }

  // What is no longer what was hashed is looked at again, and not shared any more if it is
  // something else. The other items stay; without any that is an error.
  Result<void> handle_changes() {
    while (!changes_.empty()) {
      const Change change = std::move(changes_.front());
      changes_.erase(changes_.begin());
      Item& item = items_[change.item];
      if (!item.id || item.withdrawn) continue;
      Result<bool> same = false;
      if (change.may_be_same) same = check_again(change);
      if (!same && same.error().code == Errc::cancelled) return same.error();
      if (same && *same) continue;
      const Error why{Errc::file_changed,
                      fmt::format("{} {}: it is no longer shared (share it again as it is now)",
                                  cli::quoted(change.path), change.how)};
      if (auto done = withdraw(change.item); !done) return done;
      if (withdrawn_ == items_.size()) return why;
      output_.warning(why.message);
    }
    return {};
  }

  // A file that was touched, or copied over itself, has the same bytes.
  Result<bool> check_again(const Change& change) {
    Item& item = items_[change.item];
    output_.event(
        "paused",
        {{"name", item.plan.name},
         {"paused", true},
         {"reason", fmt::format("{} {}; hashing it again", cli::quoted(change.path), change.how)}});
    output_.end_progress();
    output_.message(fmt::format("{} {}; hashing it again", cli::quoted(change.path), change.how));
    auto same = hash_again(item, creation_, [&](std::uint64_t bytes, std::uint64_t total) {
      site_->set_progress(change.item, bytes, total);
      output_.hashing({bytes, total, item.source});
      count_copies();
      return !signals::stop_requested();
    });
    output_.end_progress();
    if (!same || !*same) return same;
    const auto until = steady_clock::now() + recovery_time;
    while (!change.incomplete && !owned_client_->progress(*item.id).complete) {
      if (signals::stop_requested()) return Error{Errc::cancelled, "interrupted"};
      if (steady_clock::now() >= until) break;
      inbox_.wait(look_interval);
      if (auto fine = handle_events(); !fine) return fine.error();
    }
    if (!owned_client_->progress(*item.id).complete) {
      remove(item);
      if (auto done = seed(change.item); !done) return done.error();
    } else {
      site_->set_torrent(change.item, item.torrent, pin_text(item.metainfo->info_hash()));
    }
    remember(item);
    output_.event("paused", {{"name", item.plan.name}, {"paused", false}});
    output_.message(fmt::format("{}: the same as before; goes on", item.plan.name));
    return true;
  }

  void remove(Item& item) {
    std::erase(allowed_, item.metainfo->info_hash().wire());
    owned_client_->remove(*std::exchange(item.id, std::nullopt), stop_grace);
    server_->allow(allowed_);
  }

  Result<void> withdraw(std::size_t i) {
    Item& item = items_[i];
    site_->withdraw(i);
    item.withdrawn = true;
    ++withdrawn_;
    remove(item);
    // Equal files in another place were the same torrent, and still are what they were.
    for (std::size_t other = 0; other < items_.size(); ++other) {
      Item& one = items_[other];
      if (one.id || one.withdrawn || one.metainfo->info_hash() != item.metainfo->info_hash()) {
        continue;
      }
      if (auto done = seed(other); !done) return done;
    }
    return {};
  }

  void stop() {
    if (owned_client_) {
      (void)handle_events();
      for (const Item& item : items_) {
        if (item.id) tell_peers(*owned_client_, *item.id, item.metainfo->name(), output_);
      }
      uploaded_ = transfer_status(*owned_client_, torrents()).uploaded;
      stop_client(*owned_client_, stop_grace, output_);  // the tracker still hears of it
    }
    if (server_) server_->stop();  // after which nobody hands us connections
    client_ = nullptr;
    report();
  }

  // Who has it, when they had it, and who has not.
  void report() {
    ShareReport report;
    for (Item& item : items_) {
      if (item.audience) {
        item.audience->save(true);
        report.add(*item.audience);
      } else if (expected_ && !item.metainfo) {
        report.add_missing(expected_->names());  // it was not even hashed
      }
    }
    complete_ = report.missing.empty() && (!timed_out_ || options_.copies == 0 || enough_copies());
    boost::json::object fields = report.fields();
    fields["uploaded"] = uploaded_;
    fields["withdrawn"] = withdrawn_;
    output_.result(std::move(fields));
    if (options_.copies == 0 && !expected_) return;
    for (const std::string& line : report.lines()) output_.message(line);
  }

  const Options& options_;
  Output& output_;
  CreateOptions creation_;
  Explainer explainer_;
  std::string state_folder_;
  std::optional<ShareMemory> memory_;
  std::optional<HostPort> address_;  // --address; port 0: ours
  std::vector<Address> listen_;      // one at least
  std::uint16_t port_ = 0;           // remembered, then ours
  std::optional<ExpectedHosts> expected_;
  std::vector<Item> items_;
  std::vector<std::string> names_;  // in URLs
  std::vector<std::optional<Remembered>> remembered_;
  std::optional<ShareSite> site_;
  std::vector<HostPort> hosts_;
  std::vector<std::string> magnets_;
  std::vector<WireInfoHash> allowed_;
  std::vector<Change> changes_;  // to be looked at
  std::uint64_t uploaded_ = 0, withdrawn_ = 0;
  bool timed_out_ = false, complete_ = true, told_unresolved_ = false;
  steady_clock::time_point began_at_{}, metrics_at_{};
  steady_clock::time_point looked_at_links_{};
  bool seen_peers_ = false;

  std::mutex mutex_;         // of words_
  std::vector<Word> words_;  // from the server's threads
  Newcomers newcomers_;
  Inbox inbox_;
  std::unique_ptr<Client> owned_client_;
  std::atomic<Client*> client_ = nullptr;        // for the server's threads
  std::unique_ptr<tracker::HttpServer> server_;  // destroyed first: its threads use all above
};

}  // namespace

void add_share_command(CLI::App& app, CommandLine& line) {
  const auto options = std::make_shared<Options>();
  CLI::App* command = add_command(
      app, line, "share", "Share files and folders with others on the network",
      "  barter share big.iso                      prints the line to type on the other side\n"
      "  barter share photos/ --copies 3           ends when three others have everything\n"
      "  barter share big.iso --address box.example.org:6969\n",
      [options](Output& output) { return Share(*options, output).run(); });
  add_share_flags(command, options);
}

}  // namespace barter::cli
