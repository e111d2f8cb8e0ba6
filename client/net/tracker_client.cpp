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
#include <set>
#include <utility>

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

TimePoint current_time() {
  return std::chrono::steady_clock::now();
}

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

// One fetch of a pair, side by side with the other.
struct Pair {
  explicit Pair(asio::any_io_executor executor) : done(executor) {}
  asio::steady_timer done;
  std::optional<Result<FetchReply>> v4, v6;
};

asio::awaitable<void> fetch_one(std::shared_ptr<Pair> pair, std::string url, FetchOptions options,
                                Family family) {
  auto reply = co_await http_fetch(std::move(url), std::move(options), family);
  (family == Family::v4 ? pair->v4 : pair->v6) = std::move(reply);
  if (pair->v4 && pair->v6) pair->done.cancel();
}

asio::awaitable<std::shared_ptr<Pair>> fetch_both(std::string url, FetchOptions options) {
  const auto executor = co_await asio::this_coro::executor;
  const auto pair = std::make_shared<Pair>(executor);
  pair->done.expires_at(asio::steady_timer::time_point::max());
  asio::co_spawn(executor, fetch_one(pair, url, options, Family::v4), asio::detached);
  asio::co_spawn(executor, fetch_one(pair, url, options, Family::v6), asio::detached);
  while (!pair->v4 || !pair->v6) {
    const auto waited = co_await pair->done.async_wait(as_values);
    static_cast<void>(waited);
  }
  co_return pair;
}

bool no_such_family(const Result<FetchReply>& reply) {
  return !reply && reply.error().code == Errc::not_found;
}

}  // namespace

void TrackerClient::announce(std::string url, tracker::AnnounceRequest request, Done done) {
  asio::post(context_, [self = shared_from_this(), url = std::move(url),
                        request = std::move(request), done = std::move(done)]() mutable {
    auto parsed = Url::parse(url);
    if (!parsed || !parsed->is_http()) {
      AnnounceOutcome out = failed(redacted(url) + ": not an HTTP tracker");
      out.retryable = false;
      return done(out);
    }
    if (self->stopped_) return;
    self->enqueue({std::move(*parsed), std::move(request), std::move(done)});
  });
}

void TrackerClient::stop() {
  asio::post(context_, [self = shared_from_this()] {
    self->stopped_ = true;
    self->hosts_.clear();
    self->waiting_ = 0;
  });
}

void TrackerClient::enqueue(Task task) {
  const std::string key = task.url.host;
  if (waiting_ >= options_.max_waiting) return task.done(failed("too many announces at once"));
  Host& host = hosts_[key];
  const bool stopping = task.request.event == tracker::Event::stopped;
  if (!stopping && current_time() < host.not_before) {
    return task.done(failed(redacted(to_string(task.url)) + ": the host failed a moment ago"));
  }
  ++waiting_;
  // Who leaves does not queue behind those who stay.
  stopping ? host.waiting.push_front(std::move(task)) : host.waiting.push_back(std::move(task));
  start_waiting();
}

void TrackerClient::start_waiting() {
  for (auto at = hosts_.begin(); at != hosts_.end() && active_ < options_.at_once; ++at) {
    Host& host = at->second;
    while (!host.waiting.empty() && active_ < options_.at_once &&
           host.active < options_.at_once_per_host) {
      Task task = std::move(host.waiting.front());
      host.waiting.pop_front();
      --waiting_;
      start(at->first, std::move(task));
    }
  }
}

void TrackerClient::start(const std::string& key, Task task) {
  ++active_;
  ++hosts_[key].active;
  asio::co_spawn(context_, perform(shared_from_this(), key, std::move(task)), asio::detached);
}

void TrackerClient::finished(const std::string& key, bool reached) {
  if (stopped_) return;
  --active_;
  const auto found = hosts_.find(key);
  Host& host = found->second;
  --host.active;
  if (reached) {
    host.failures = 0;
    host.not_before = {};
  } else {
    const Duration pause =
        std::min(options_.backoff_max, options_.backoff_min * (1 << std::min(host.failures, 10U)));
    host.failures++;
    host.not_before = current_time() + pause;
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

asio::awaitable<AnnounceOutcome> TrackerClient::ask(std::shared_ptr<TrackerClient> self,
                                                    std::shared_ptr<Task> task,
                                                    std::shared_ptr<bool> reached) {
  FetchOptions options = self->options_.fetch;
  if (task->request.event == tracker::Event::stopped) {
    options.deadline = std::min(options.deadline, self->options_.stopped_deadline);
  }
  options.name = redacted(to_string(task->url));  // without what we say of ourselves
  const std::string url = announce_url(task->url, task->request);
  const auto pair = co_await fetch_both(url, options);
  std::vector<HostPort> names;
  *reached = pair->v4->has_value() || pair->v6->has_value();
  AnnounceOutcome v4 = outcome_of(task->url, *pair->v4, names);
  AnnounceOutcome v6 = outcome_of(task->url, *pair->v6, names);
  AnnounceOutcome out = no_such_family(*pair->v6)   ? std::move(v4)
                        : no_such_family(*pair->v4) ? std::move(v6)
                                                    : joined(std::move(v4), std::move(v6));
  if (!names.empty()) {
    const auto found = co_await resolve_names(names);
    out.peers.insert(out.peers.end(), found.begin(), found.end());
  }
  co_return out;
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
