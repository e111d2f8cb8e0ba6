// TrackerClient: announces over HTTP and HTTPS (BEP 3, 7, 23, 24, 31) and UDP (BEP 15, 41). Owned
// by the Client, on its service thread; announce() may be called from any. When and what to
// announce is the swarm's decision; here are the caps: so many requests at once in all and for each
// host. A host that has not answered yet is asked by one torrent while the others wait, and one
// that failed is left alone for a while, whatever torrent asks: so dead ones cost little, however
// many torrents name them.
#pragma once

#include <boost/asio/awaitable.hpp>
#include <boost/asio/io_context.hpp>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <string>

#include "client/fetch_options.hpp"
#include "client/net/name_resolver.hpp"
#include "client/net/udp_trackers.hpp"
#include "client/swarm/swarm.hpp"
#include "torrent/random.hpp"
#include "torrent/url.hpp"
#include "tracker/announce.hpp"

namespace barter::net {

struct TrackerClientOptions {
  std::size_t at_once = 50;          // announces under way by HTTP, all hosts
  std::size_t at_once_udp = 1000;    // the same by UDP: they cost a few bytes each
  std::size_t at_once_per_host = 8;  // and to one host; more wait their turn
  std::size_t at_once_per_host_udp = 50;
  // Beyond, an announce fails at once; a host has its part of it, so many at least and at most.
  std::size_t max_waiting = 20'000;
  std::size_t max_waiting_per_host_min = 64, max_waiting_per_host_max = 4096;
  // A host that failed: doubles with each failure, and up to a fifth is added.
  Duration backoff_min = std::chrono::seconds(1);
  Duration backoff_max = std::chrono::minutes(5);
  Duration stopped_deadline = std::chrono::seconds(3);  // a `stopped` waits no longer
  Duration udp_deadline = std::chrono::seconds(60);     // in all, names included
  // One address family has answered: how long the other's answer is waited for.
  Duration other_family_grace = std::chrono::seconds(3);
  FetchOptions fetch;
  UdpTrackersOptions udp;
};

class TrackerClient : public std::enable_shared_from_this<TrackerClient> {
 public:
  // fetch.connect_from holds for UDP, too.
  TrackerClient(boost::asio::io_context& context, TrackerClientOptions options);

  using Done = std::function<void(const AnnounceOutcome&)>;  // on the service thread
  // Announces to every address family of the host and joins the answers.
  void announce(std::string url, tracker::AnnounceRequest request, Done done);
  // This machine has other addresses: what failed before may not fail any more.
  void network_changed();
  void stop();  // drops what waits; before the context goes

 private:
  struct Task {
    Url url;
    tracker::AnnounceRequest request;
    Done done;
  };
  struct Host {
    bool udp = false;  // apart from the same host by HTTP: a firewall may stop one of them
    std::size_t active = 0;
    std::deque<Task> waiting;
    bool proven = false;  // has answered, and not failed since
    unsigned failures = 0;
    TimePoint not_before{};  // of the next announce, after a failure
  };

  void enqueue(Task task);
  bool may_start(const Host& host);
  void start_waiting();
  void start(const std::string& key, Task task);
  void finished(const std::string& key, bool reached);
  Duration backoff(unsigned failures);
  std::size_t& active(bool udp) { return udp ? active_udp_ : active_http_; }
  static boost::asio::awaitable<void> perform(std::shared_ptr<TrackerClient> self, std::string key,
                                              Task task);
  static boost::asio::awaitable<AnnounceOutcome> ask(std::shared_ptr<TrackerClient> self,
                                                     std::shared_ptr<Task> task,
                                                     std::shared_ptr<bool> reached);

  static boost::asio::awaitable<AnnounceOutcome> ask_http(std::shared_ptr<TrackerClient> self,
                                                          std::shared_ptr<Task> task,
                                                          std::shared_ptr<bool> reached);
  static boost::asio::awaitable<AnnounceOutcome> ask_udp(std::shared_ptr<TrackerClient> self,
                                                         std::shared_ptr<Task> task,
                                                         std::shared_ptr<bool> reached);

  boost::asio::io_context& context_;
  TrackerClientOptions options_;
  Random random_;  // of pauses
  NameResolver names_;
  std::shared_ptr<UdpTrackers> udp_;
  std::map<std::string, Host> hosts_;
  std::string last_started_;  // whose turn it was
  std::size_t active_http_ = 0, active_udp_ = 0, waiting_ = 0;
  bool stopped_ = false;
};

}  // namespace barter::net
