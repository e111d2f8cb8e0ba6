#include "client/net/tracker_client.hpp"

#include <algorithm>
#include <boost/asio/as_tuple.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <optional>
#include <random>
#include <set>
#include <utility>

#include "client/net/clock.hpp"
#include "client/net/endpoints.hpp"
#include "client/net/http_fetch.hpp"
#include "torrent/escape.hpp"

namespace barter::net {

namespace asio = boost::asio;
using asio::ip::tcp;

namespace {

constexpr asio::as_tuple_t<asio::use_awaitable_t<>> as_values{};
constexpr std::size_t max_names = 20;     // peers given as names, resolved for one reply
constexpr std::size_t max_message = 200;  // of a tracker's failure or warning, in bytes
constexpr auto name_deadline = std::chrono::seconds(5);

std::string shortened(const std::string& text) {
  return escape(text.substr(0, max_message));
}

std::string announce_url(const Url& url, const tracker::AnnounceRequest& request) {
  Url out = url;
  if (!out.query.empty()) out.query += '&';
  out.query += tracker::to_query(request);
  return to_string(out);
}

AnnounceOutcome failed(std::string message) {
  AnnounceOutcome out;
  out.failure = std::move(message);
  return out;
}

AnnounceOutcome from_failure(const tracker::Failure& failure) {
  AnnounceOutcome out = failed(shortened(failure.reason));
  if (failure.retry_in_minutes == UINT32_MAX) {
    out.retryable = false;
  } else if (failure.retry_in_minutes) {
    out.retry_in = std::chrono::minutes(*failure.retry_in_minutes);
  }
  return out;
}

// What one fetch brought, as an outcome; peers given as names go to `names`.
AnnounceOutcome outcome_of(const Url& url, const Result<FetchReply>& reply,
                           std::vector<HostPort>& names) {
  if (!reply) return failed(reply.error().message);
  const std::string place = redacted(to_string(url));
  const auto answer = tracker::parse_announce_body(reply->body);
  if (!answer) {
    // Some trackers say what is wrong by a status, some by a body, some by both.
    if (reply->status != 200) {
      AnnounceOutcome out = failed(place + ": HTTP status " + std::to_string(reply->status));
      if (reply->retry_after) out.retry_in = *reply->retry_after;
      return out;
    }
    return failed(place + ": " + answer.error().message);
  }
  if (answer->failure) return from_failure(*answer->failure);
  const tracker::AnnounceReply& from = answer->reply;
  AnnounceOutcome out;
  out.ok = true;
  out.warning = shortened(from.warning);
  if (from.interval > 0) out.interval = std::chrono::seconds(from.interval);
  if (from.min_interval > 0) out.min_interval = std::chrono::seconds(from.min_interval);
  out.tracker_id = from.tracker_id;
  out.complete = from.complete;
  out.incomplete = from.incomplete;
  out.external_ip = from.external_ip;
  for (const HostPort& peer : from.peers) {
    if (peer.port == 0) continue;
    if (const auto address = Address::parse(peer.host)) {
      out.peers.push_back({*address, peer.port});
    } else if (names.size() < max_names) {
      names.push_back(peer);
    }
  }
  return out;
}

// Both families of one tracker are one tracker: the better answer, with the peers of both.
AnnounceOutcome joined(AnnounceOutcome first, AnnounceOutcome second) {
  if (!first.ok && second.ok) std::swap(first, second);
  std::set<Endpoint> known(first.peers.begin(), first.peers.end());
  for (const Endpoint& peer : second.peers) {
    if (known.insert(peer).second) first.peers.push_back(peer);
  }
  if (first.warning.empty()) first.warning = std::move(second.warning);
  if (first.tracker_id.empty()) first.tracker_id = std::move(second.tracker_id);
  return first;
}

struct Names {  // look-ups of peers' names, with an end
  explicit Names(asio::any_io_executor executor) : done(executor) {}
  asio::steady_timer done;
  std::size_t left = 0;
  std::vector<Endpoint> found;
};

asio::awaitable<std::vector<Endpoint>> resolve_names(std::vector<HostPort> peers) {
  const auto executor = co_await asio::this_coro::executor;
  const auto names = std::make_shared<Names>(executor);
  names->left = peers.size();
  names->done.expires_after(name_deadline);
  for (const HostPort& peer : peers) {
    const auto resolver = std::make_shared<tcp::resolver>(executor);
    resolver->async_resolve(peer.host, std::to_string(peer.port),
                            [names, resolver](const boost::system::error_code& error,
                                              const tcp::resolver::results_type& results) {
                              if (!error) {
                                for (const auto& entry : results) {
                                  names->found.push_back(from_asio(entry.endpoint()));
                                }
                              }
                              if (--names->left == 0) names->done.cancel();
                            });
  }
  const auto waited = co_await names->done.async_wait(as_values);
  static_cast<void>(waited);
  co_return std::move(names->found);
}

// What the two address families brought, side by side.
template <class Reply>
struct Pair {
  explicit Pair(asio::any_io_executor executor) : changed(executor) {}
  void set(Family family, Result<Reply> reply) {
    (family == Family::v4 ? v4 : v6) = std::move(reply);
    changed.cancel();
  }
  bool has_answer() const { return (v4 && v4->has_value()) || (v6 && v6->has_value()); }

  asio::steady_timer changed;
  std::optional<Result<Reply>> v4, v6;
};
using HttpPair = Pair<FetchReply>;
using UdpPair = Pair<tracker::UdpAnnounced>;

// Both, or one that answered and the other not within `grace` of it: a family of which packets go
// nowhere must not keep us from the peers that we know.
template <class Reply>
asio::awaitable<void> wait_for(std::shared_ptr<Pair<Reply>> pair, Duration grace) {
  while (!pair->v4 || !pair->v6) {
    const bool enough = pair->has_answer();
    if (enough) {
      pair->changed.expires_after(grace);
    } else {
      pair->changed.expires_at(asio::steady_timer::time_point::max());
    }
    const auto waited = co_await pair->changed.async_wait(as_values);
    if (enough && !std::get<0>(waited)) break;
  }
  const Error absent{Errc::not_found, "no reply in time"};
  if (!pair->v4) pair->v4 = absent;
  if (!pair->v6) pair->v6 = absent;
}

asio::awaitable<void> fetch_one(std::shared_ptr<HttpPair> pair, std::string url,
                                FetchOptions options, Family family,
                                std::vector<Address> addresses) {
  auto reply =
      co_await http_fetch(std::move(url), std::move(options), family, std::move(addresses));
  pair->set(family, std::move(reply));
}

asio::awaitable<void> announce_one(std::shared_ptr<UdpPair> pair,
                                   std::shared_ptr<UdpTrackers> trackers,
                                   std::vector<Endpoint> addresses, tracker::UdpAnnounce what,
                                   Family family, Duration first_timeout, TimePoint deadline) {
  Result<tracker::UdpAnnounced> reply = Error{Errc::not_found, "the name has no address to use"};
  if (!addresses.empty()) {
    reply =
        co_await trackers->announce(std::move(addresses), std::move(what), first_timeout, deadline);
  }
  pair->set(family, std::move(reply));
}

template <class Reply>
bool no_such_family(const std::optional<Result<Reply>>& reply) {
  return !*reply && reply->error().code == Errc::not_found;
}

template <class Reply>
AnnounceOutcome chosen(const Pair<Reply>& pair, AnnounceOutcome v4, AnnounceOutcome v6) {
  if (no_such_family(pair.v6)) return v4;
  if (no_such_family(pair.v4)) return v6;
  return joined(std::move(v4), std::move(v6));
}

// What came by UDP, as an outcome.
AnnounceOutcome outcome_of(const std::string& place, const Result<tracker::UdpAnnounced>& reply) {
  if (!reply) {
    const Error& error = reply.error();
    return failed(error.code == Errc::rejected ? shortened(error.message)
                                               : place + ": " + error.message);
  }
  AnnounceOutcome out;
  out.ok = true;
  if (reply->interval > 0) out.interval = std::chrono::seconds(reply->interval);
  out.complete = reply->complete;
  out.incomplete = reply->incomplete;
  out.peers = reply->peers;
  return out;
}

// That of one family which we may use.
std::vector<Endpoint> endpoints_of(const std::vector<Address>& addresses, std::uint16_t port,
                                   bool v4, const std::vector<Address>& connect_from) {
  std::vector<Endpoint> out;
  for (const Address& address : addresses) {
    const Endpoint endpoint{address, port};
    if (address.is_v4() != v4 || address.is_unspecified() || address.is_multicast()) continue;
    if (has_source(connect_from, endpoint)) out.push_back(endpoint);
  }
  return out;
}

UdpTrackersOptions udp_options(const TrackerClientOptions& options) {
  UdpTrackersOptions out = options.udp;
  out.connect_from = options.fetch.connect_from;
  return out;
}

}  // namespace

TrackerClient::TrackerClient(asio::io_context& context, TrackerClientOptions options)
    : context_(context),
      options_(std::move(options)),
      random_(std::random_device()()),
      udp_(std::make_shared<UdpTrackers>(context, udp_options(options_))) {}

void TrackerClient::announce(std::string url, tracker::AnnounceRequest request, Done done) {
  asio::post(context_, [self = shared_from_this(), url = std::move(url),
                        request = std::move(request), done = std::move(done)]() mutable {
    auto parsed = Url::parse(url);
    const bool too_long =
        parsed && !parsed->is_http() && parsed->target().size() > tracker::max_url_data_bytes;
    if (!parsed || too_long) {
      AnnounceOutcome out = failed(
          redacted(url) + (too_long ? ": too long for a UDP tracker" : ": no URL of a tracker"));
      out.retryable = false;
      return done(out);
    }
    if (self->stopped_) return;
    self->enqueue({std::move(*parsed), std::move(request), std::move(done)});
  });
}

void TrackerClient::network_changed() {
  asio::post(context_, [self = shared_from_this()] {
    self->udp_->forget_connections();
    for (auto& [key, host] : self->hosts_) {
      host.proven = false;
      host.failures = 0;
      host.not_before = {};
    }
    std::erase_if(self->hosts_, [](const auto& entry) {
      return entry.second.active == 0 && entry.second.waiting.empty();
    });
  });
}

void TrackerClient::stop() {
  names_.stop();
  asio::post(context_, [self = shared_from_this()] {
    self->stopped_ = true;
    self->udp_->stop();
    self->hosts_.clear();
    self->waiting_ = 0;
  });
}

void TrackerClient::enqueue(Task task) {
  const bool udp = !task.url.is_http();
  const std::string key = udp ? "udp:" + task.url.host : task.url.host;
  Host& host = hosts_[key];
  const std::size_t part =
      std::clamp(options_.max_waiting / hosts_.size(), options_.max_waiting_per_host_min,
                 options_.max_waiting_per_host_max);
  if (waiting_ >= options_.max_waiting || host.waiting.size() >= part) {
    return task.done(failed("too many announces at once"));
  }
  host.udp = udp;
  const bool stopping = task.request.event == tracker::Event::stopped;
  if (!stopping && current_time() < host.not_before) {
    return task.done(failed(redacted(to_string(task.url)) + ": the host failed a moment ago"));
  }
  ++waiting_;
  // Who leaves does not queue behind those who stay.
  stopping ? host.waiting.push_front(std::move(task)) : host.waiting.push_back(std::move(task));
  start_waiting();
}

bool TrackerClient::may_start(const Host& host) {
  if (host.waiting.empty()) return false;
  if (active(host.udp) >= (host.udp ? options_.at_once_udp : options_.at_once)) return false;
  const bool leaves = host.waiting.front().request.event == tracker::Event::stopped;
  if (!host.proven && !leaves) return host.active == 0;
  return host.active < (host.udp ? options_.at_once_per_host_udp : options_.at_once_per_host);
}

// One of each host in turn, so that a silent one has no more than its part of what there is.
void TrackerClient::start_waiting() {
  auto at = hosts_.upper_bound(last_started_);
  for (std::size_t passed_over = 0; passed_over < hosts_.size(); ++at) {
    if (at == hosts_.end()) at = hosts_.begin();
    ++passed_over;
    Host& host = at->second;
    if (!may_start(host)) continue;
    Task task = std::move(host.waiting.front());
    host.waiting.pop_front();
    --waiting_;
    last_started_ = at->first;
    start(at->first, std::move(task));
    passed_over = 0;
  }
}

void TrackerClient::start(const std::string& key, Task task) {
  Host& host = hosts_[key];
  ++active(host.udp);
  ++host.active;
  // Not from here: what fails at once would change the hosts under whoever looks through them.
  asio::post(context_, [self = shared_from_this(), key, task = std::move(task)]() mutable {
    asio::co_spawn(self->context_, perform(self, key, std::move(task)), asio::detached);
  });
}

Duration TrackerClient::backoff(unsigned failures) {
  const Duration pause =
      std::min(options_.backoff_max, options_.backoff_min * (1 << std::min(failures, 10U)));
  // Many torrents, or many of us, must not come back at the same moment.
  const auto fifth = static_cast<std::uint64_t>(pause.count() / 5 + 1);
  return pause + Duration(static_cast<Duration::rep>(random_.below(fifth)));
}

void TrackerClient::finished(const std::string& key, bool reached) {
  if (stopped_) return;
  const auto found = hosts_.find(key);
  Host& host = found->second;
  --active(host.udp);
  --host.active;
  host.proven = reached;
  if (reached) {
    host.failures = 0;
    host.not_before = {};
  } else {
    host.not_before = current_time() + backoff(host.failures++);
    // Those behind would wait for the same silence.
    while (!host.waiting.empty()) {
      Task task = std::move(host.waiting.front());
      host.waiting.pop_front();
      --waiting_;
      task.done(failed(redacted(to_string(task.url)) + ": the host failed a moment ago"));
    }
  }
  if (host.active == 0 && host.waiting.empty() && host.failures == 0) hosts_.erase(found);
  start_waiting();
}

asio::awaitable<AnnounceOutcome> TrackerClient::ask_http(std::shared_ptr<TrackerClient> self,
                                                         std::shared_ptr<Task> task,
                                                         std::shared_ptr<bool> reached) {
  FetchOptions options = self->options_.fetch;
  if (task->request.event == tracker::Event::stopped) {
    options.deadline = std::min(options.deadline, self->options_.stopped_deadline);
  }
  options.name = redacted(to_string(task->url));  // without what we say of ourselves
  const std::string url = announce_url(task->url, task->request);
  const TimePoint deadline = current_time() + options.deadline;
  const auto addresses = co_await self->names_.resolve(self->context_, task->url.host, deadline);
  if (!addresses) co_return failed(options.name + ": " + addresses.error().message);
  options.deadline = std::max(deadline - current_time(), Duration::zero());
  const auto pair = std::make_shared<HttpPair>(self->context_.get_executor());
  for (const Family family : {Family::v4, Family::v6}) {
    asio::co_spawn(self->context_, fetch_one(pair, url, options, family, *addresses),
                   asio::detached);
  }
  co_await wait_for(pair, self->options_.other_family_grace);
  std::vector<HostPort> names;
  *reached = pair->has_answer();
  AnnounceOutcome v4 = outcome_of(task->url, *pair->v4, names);
  AnnounceOutcome v6 = outcome_of(task->url, *pair->v6, names);
  AnnounceOutcome out = chosen(*pair, std::move(v4), std::move(v6));
  if (!names.empty()) {
    const auto found = co_await resolve_names(names);
    out.peers.insert(out.peers.end(), found.begin(), found.end());
  }
  co_return out;
}

asio::awaitable<AnnounceOutcome> TrackerClient::ask_udp(std::shared_ptr<TrackerClient> self,
                                                        std::shared_ptr<Task> task,
                                                        std::shared_ptr<bool> reached) {
  const TrackerClientOptions& options = self->options_;
  const bool stopping = task->request.event == tracker::Event::stopped;
  const Duration whole =
      stopping ? std::min(options.udp_deadline, options.stopped_deadline) : options.udp_deadline;
  const TimePoint deadline = current_time() + whole;
  // Who leaves has no time for the usual pause, and sends again sooner.
  const Duration first_timeout = std::min(self->udp_->first_timeout(), whole / 3);
  const std::string place = redacted(to_string(task->url));
  const auto addresses = co_await self->names_.resolve(self->context_, task->url.host, deadline);
  if (!addresses) co_return failed(place + ": " + addresses.error().message);

  tracker::UdpAnnounce what;
  what.announce = task->request;
  what.key = tracker::udp_key(task->request.key);
  what.url_data = task->url.target();
  const auto pair = std::make_shared<UdpPair>(self->context_.get_executor());
  for (const Family family : {Family::v4, Family::v6}) {
    auto endpoints =
        endpoints_of(*addresses, task->url.port, family == Family::v4, options.fetch.connect_from);
    asio::co_spawn(
        self->context_,
        announce_one(pair, self->udp_, std::move(endpoints), what, family, first_timeout, deadline),
        asio::detached);
  }
  co_await wait_for(pair, options.other_family_grace);
  const auto spoke = [](const auto& reply) {
    return reply->has_value() || reply->error().code == Errc::rejected;
  };
  *reached = spoke(pair->v4) || spoke(pair->v6);
  AnnounceOutcome v4 = outcome_of(place, *pair->v4);
  AnnounceOutcome v6 = outcome_of(place, *pair->v6);
  co_return chosen(*pair, std::move(v4), std::move(v6));
}

asio::awaitable<AnnounceOutcome> TrackerClient::ask(std::shared_ptr<TrackerClient> self,
                                                    std::shared_ptr<Task> task,
                                                    std::shared_ptr<bool> reached) {
  return task->url.is_http() ? ask_http(self, task, reached) : ask_udp(self, task, reached);
}

asio::awaitable<void> TrackerClient::perform(std::shared_ptr<TrackerClient> self, std::string key,
                                             Task task) {
  const auto shared = std::make_shared<Task>(std::move(task));
  const auto reached = std::make_shared<bool>(false);
  const auto outcome = co_await ask(self, shared, reached);
  self->finished(key, *reached);
  shared->done(outcome);
}

}  // namespace barter::net
