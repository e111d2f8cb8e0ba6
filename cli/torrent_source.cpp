#include "cli/torrent_source.hpp"

#include "cli/command.hpp"
#include "cli/signals.hpp"
#include "cli/sizes.hpp"
#include "cli/text.hpp"
#include "cli/url_memory.hpp"
#include "client/fetch.hpp"
#include "torrent/ascii.hpp"
#include "torrent/magnet.hpp"
#include "torrent/url.hpp"

#include <fmt/format.h>
#include <boost/json/parse.hpp>

#include <algorithm>
#include <chrono>

namespace barter::cli {
namespace {

// What a server must be given for its answer before we say that none came.
constexpr auto fair_time = std::chrono::seconds(1);

// What a share tells while it hashes: {"state": "hashing", "bytes_done": N, "bytes_total": N}.
// Shows it; the bytes done, or nothing where the server tells something else.
std::optional<std::uint64_t> show_remote_hashing(const FetchReply& reply, const std::string& url,
                                                 Output& output) {
  boost::system::error_code error;
  const auto value = boost::json::parse(reply.body, error);
  const auto* object = error ? nullptr : value.if_object();
  if (object == nullptr || object->if_contains("bytes_done") == nullptr) return std::nullopt;
  const auto number = [&](const char* key) -> std::uint64_t {
    const auto* found = object->if_contains(key);
    if (found == nullptr) return 0;
    const auto converted = found->to_number<std::uint64_t>(error);
    return error ? 0 : converted;
  };
  const std::uint64_t done = number("bytes_done"), total = number("bytes_total");
  if (total > 0) output.hashing({std::min(done, total), total, url});
  return done;
}

Answer answer_of(const Error& error) {
  switch (error.code) {
    case Errc::network:
    case Errc::not_found:  // the name has no address
    case Errc::timed_out:
      return Answer::unreachable;
    default:
      return Answer::refused;
  }
}

std::string_view to_string(TorrentOrigin origin) {
  switch (origin) {
    case TorrentOrigin::file:
      return "file";
    case TorrentOrigin::server:
      return "server";
    case TorrentOrigin::unchanged:
      return "unchanged";
    case TorrentOrigin::remembered:
      return "remembered";
  }
  return "unknown";
}

// Fetches a torrent until it is there, the server fails, or nothing has come of it for too long.
class TorrentFetch {
 public:
  TorrentFetch(const std::string& url, Output& output, const TorrentSourceOptions& options)
      : url_(url),
        shown_(redacted(url)),
        output_(output),
        options_(options),
        memory_(options.state_folder) {
    fetch_ = FetchOptions::torrent();
    fetch_.connect_from = options.connect_from;
  }

  Result<LoadedTorrent> run() {
    auto pin = TorrentPin::of_url(url_);
    if (!pin) return pin.error();
    pin_ = *pin;
    if (pin_ && options_.pin && pin_->contradicts(*options_.pin)) {
      return Error{Errc::invalid_argument,
                   fmt::format("{} and --expect name different torrents", shown_)};
    }
    recall();
    FetchPlan plan({options_.retry_for, options_.stall_timeout, kept_ && !options_.fresh},
                   std::chrono::steady_clock::now());
    while (true) {
      FetchReply reply;
      const auto next = ask(plan, reply);
      if (waited_ && next.step != FetchPlan::Step::again) output_.end_progress();
      switch (next.step) {
        case FetchPlan::Step::take:
          return take(std::move(reply));
        case FetchPlan::Step::use_kept:
          return use_kept(reply);
        case FetchPlan::Step::fail:
          return trouble_;
        case FetchPlan::Step::stalled:
          return stalled();
        case FetchPlan::Step::again:
          break;
      }
      if (next.first_trouble) tell_trouble();
      if (signals::wait(next.pause)) return Error{Errc::cancelled, "cancelled"};
    }
  }

 private:
  // One question. What the trouble is, if there is any, is in trouble_.
  FetchPlan::Next ask(FetchPlan& plan, FetchReply& out) {
    const auto asked = std::chrono::steady_clock::now();
    plan.asking(asked);
    fetch_.deadline = FetchOptions().deadline;
    const auto left = plan.patience_left(asked);
    if (left != no_timeout) fetch_.deadline = std::min<Duration>(fetch_.deadline, left);
    auto reply = fetch(url_, fetch_, signals::stop_requested);
    const auto now = std::chrono::steady_clock::now();
    if (!reply) {
      // Patience that ends just after an answer says nothing against the server.
      const bool too_short = fetch_.deadline < fair_time && !trouble_.message.empty();
      if (reply.error().code == Errc::timed_out && too_short) {
        return plan.after(Answer::unreachable, now);
      }
      hashing_ = false;
      trouble_ = reply.error();
      if (trouble_.code == Errc::cancelled) return {FetchPlan::Step::fail};
      return plan.after(answer_of(trouble_), now);
    }
    hashing_ = false;
    if (!reply->magnet.empty()) {
      out = std::move(*reply);
      return {FetchPlan::Step::take};
    }
    trouble_ = Error{Errc::rejected, fmt::format("{}: HTTP status {}", shown_, reply->status)};
    if (reply->status == 503) {
      const auto done = show_remote_hashing(*reply, shown_, output_);
      hashing_ = done.has_value();
      if (hashing_) being_hashed(*done, plan, now);
    }
    out = std::move(*reply);
    const Answer answer = cli::answer_of(out.status, hashing_);
    const bool baseless = answer == Answer::unchanged && !kept_;
    return plan.after(baseless ? Answer::refused : answer, now, out.retry_after);
  }

  void recall() {
    kept_ = memory_.recall(url_);
    if (!kept_) return;
    auto metainfo = Metainfo::parse(kept_->torrent);
    if (!metainfo || !is_pinned(**metainfo, shown_)) {
      kept_.reset();
      return;
    }
    kept_metainfo_ = std::move(*metainfo);
    fetch_.if_none_match = kept_->etag;
  }

  Result<void> is_pinned(const Metainfo& metainfo, const std::string& what) const {
    for (const auto& pin : {pin_, options_.pin}) {
      if (!pin) continue;
      if (auto checked = pin->check(metainfo.info_hash(), what); !checked) return checked;
    }
    return {};
  }

  void being_hashed(std::uint64_t done, FetchPlan& plan, TimePoint now) {
    if (!waited_) output_.message(fmt::format("{}: is being hashed; waiting", shown_));
    waited_ = true;
    if (done <= hashed_) return;
    hashed_ = done;
    plan.news(now);
  }

  std::string reason() const {
    const std::string prefix = shown_ + ": ";
    return trouble_.message.starts_with(prefix) ? trouble_.message.substr(prefix.size())
                                                : trouble_.message;
  }

  void tell_trouble() {
    if (options_.retry_for == no_timeout) {
      output_.warning(trouble_.message + "; trying again until it answers");
      return;
    }
    const auto seconds = std::chrono::ceil<std::chrono::seconds>(options_.retry_for);
    output_.warning(fmt::format("{}; trying again for {} (--retry-for)", trouble_.message,
                                format_duration(seconds)));
  }

  Error stalled() const {
    const auto seconds = std::chrono::duration_cast<std::chrono::seconds>(options_.stall_timeout);
    return Error{Errc::timed_out,
                 fmt::format("{}: no torrent came for {}: {}", shown_, format_duration(seconds),
                             hashing_                           ? "it is still being hashed"
                             : trouble_.code == Errc::timed_out ? "no reply in time"
                                                                : reason())};
  }

  // Indexers give a link where a torrent is asked for, by a redirect or as a text.
  std::string magnet_in(const FetchReply& reply) const {
    if (!reply.magnet.empty()) return reply.magnet;
    const std::string_view text = trimmed(reply.body, " \t\r\n");
    return is_magnet(text) && text.find_first_of("\r\n") == std::string_view::npos
               ? std::string(text)
               : std::string();
  }

  Result<LoadedTorrent> take_magnet(std::string link) {
    if (!options_.may_be_magnet) {
      return Error{
          Errc::unsupported,
          fmt::format("{}: leads to a magnet link, and this needs the torrent: 'barter get "
                      "--save-torrent' makes one of it",
                      shown_)};
    }
    output_.message(fmt::format("{}: leads to a magnet link", shown_));
    LoadedTorrent out;
    out.origin = TorrentOrigin::server;
    out.magnet = std::move(link);
    return out;
  }

  Result<LoadedTorrent> take(FetchReply reply) {
    if (auto link = magnet_in(reply); !link.empty()) return take_magnet(std::move(link));
    RememberedUrl now{std::move(reply.etag), std::chrono::system_clock::now(), peer_of(reply),
                      std::move(reply.body)};
    auto metainfo = Metainfo::parse(now.torrent);
    if (!metainfo) {
      return Error{metainfo.error().code, fmt::format("{}: {}", shown_, metainfo.error().message)};
    }
    if (auto checked = is_pinned(**metainfo, shown_); !checked) return checked.error();
    if (auto kept = memory_.remember(url_, now); !kept) output_.warning(kept.error().message);
    LoadedTorrent out{std::move(*metainfo), TorrentOrigin::server, std::move(now.peer)};
    tell(out, now.fetched, "");
    return out;
  }

  // The server said so (304), or is not there, or has it no more.
  Result<LoadedTorrent> use_kept(const FetchReply& reply) {
    const bool unchanged = reply.status == 304;
    LoadedTorrent out{kept_metainfo_,
                      unchanged ? TorrentOrigin::unchanged : TorrentOrigin::remembered,
                      kept_->peer};
    if (auto peer = peer_of(reply); unchanged && peer) out.peer = std::move(peer);
    const std::string why = unchanged ? std::string() : reason();
    if (!unchanged) {
      output_.message(fmt::format("{}: source: remembered, fetched {} ({})", shown_,
                                  format_time(kept_->fetched), why));
    }
    tell(out, kept_->fetched, why);
    return out;
  }

  static std::optional<HostPort> peer_of(const FetchReply& reply) {
    const auto from = Url::parse(reply.url);
    if (!from || !reply.peer_port) return std::nullopt;
    return HostPort{from->host, *reply.peer_port};
  }

  void tell(const LoadedTorrent& torrent, std::chrono::system_clock::time_point fetched,
            const std::string& why) {
    boost::json::object fields = torrent_fields(*torrent.metainfo);
    fields["url"] = shown_;
    fields["source"] = to_string(torrent.origin);
    fields["fetched"] = format_time(fetched);
    if (!why.empty()) fields["reason"] = valid_utf8(why);
    output_.event("torrent", std::move(fields));
  }

  const std::string url_, shown_;
  Output& output_;
  const TorrentSourceOptions& options_;
  const UrlMemory memory_;
  FetchOptions fetch_;
  std::optional<TorrentPin> pin_;  // of the URL
  std::optional<RememberedUrl> kept_;
  std::shared_ptr<const Metainfo> kept_metainfo_;  // with it
  Error trouble_{Errc::network, {}};               // the last
  std::uint64_t hashed_ = 0;                       // by the server, bytes
  bool waited_ = false, hashing_ = false;
};

}  // namespace

bool is_web_url(const std::string& text) {
  const auto url = Url::parse(text);
  return url.has_value() && url->is_http();
}

std::optional<TorrentPin> parse_expected(const std::string& hash) {
  if (hash.empty()) return std::nullopt;
  const auto pin = TorrentPin::parse(hash);
  if (!pin) throw UsageError("--expect: " + pin.error().message);
  return *pin;
}

namespace {

Result<LoadedTorrent> load_as_it_is(const std::string& source, Output& output,
                                    const TorrentSourceOptions& options) {
  if (is_magnet(source)) {
    return Error{
        Errc::unsupported,
        "this needs the torrent, not a magnet link: 'barter get --save-torrent' makes one of it"};
  }
  if (is_web_url(source)) return TorrentFetch(source, output, options).run();
  auto metainfo = Metainfo::load(source);
  if (!metainfo) return metainfo.error();
  if (options.pin) {
    auto checked = options.pin->check((*metainfo)->info_hash(), source);
    if (!checked) return checked.error();
  }
  return LoadedTorrent{std::move(*metainfo), TorrentOrigin::file, std::nullopt};
}

}  // namespace

Result<LoadedTorrent> load_torrent(const std::string& source, Output& output,
                                   const TorrentSourceOptions& options) {
  auto loaded = load_as_it_is(source, output, options);
  if (!loaded || !loaded->metainfo || options.encoding.empty()) return loaded;
  auto named = loaded->metainfo->with_encoding(options.encoding);
  if (!named) return named.error();
  loaded->metainfo = std::move(*named);
  return loaded;
}

Result<void> check_tradable(const Metainfo& metainfo) {
  if (metainfo.has_v1()) return {};
  return Error{Errc::unsupported,
               fmt::format("{}: a v2-only torrent; only v1 and hybrid torrents can be traded yet",
                           metainfo.name())};
}

boost::json::object torrent_fields(const Metainfo& metainfo) {
  return torrent_fields(metainfo.name(), metainfo.info_hash());
}

boost::json::object torrent_fields(const std::string& name, const InfoHash& hash) {
  boost::json::object out{{"name", name}};
  out["v1_info_hash"] = hash.v1 ? boost::json::value(to_hex(*hash.v1)) : nullptr;
  out["v2_info_hash"] = hash.v2 ? boost::json::value(to_hex(*hash.v2)) : nullptr;
  return out;
}

}  // namespace barter::cli
