// UdpTrackers: announces over UDP (BEP 15, 41). One socket for each address family, opened by the
// first announce that needs it; answers find their question by a random transaction id and by where
// they come from, and everything else is ignored. Owned by the TrackerClient, on its thread. What
// and when to announce is decided above.
#pragma once

#include <array>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/udp.hpp>
#include <boost/asio/steady_timer.hpp>
#include <map>
#include <memory>
#include <optional>
#include <random>
#include <unordered_map>
#include <vector>

#include "torrent/endpoint.hpp"
#include "torrent/result.hpp"
#include "torrent/time.hpp"
#include "tracker/udp_protocol.hpp"

namespace barter::net {

struct UdpTrackersOptions {
  // BEP 15: silence for so long, then twice as long with each packet that is sent again.
  Duration first_timeout = std::chrono::seconds(15);
  Duration connection_id_lifetime = std::chrono::minutes(1);
  std::size_t max_connection_ids = 4096;  // kept; beyond, the oldest goes
  std::vector<Address> connect_from;      // addresses of ours; empty: any
};

class UdpTrackers : public std::enable_shared_from_this<UdpTrackers> {
 public:
  UdpTrackers(boost::asio::io_context& context, UdpTrackersOptions options)
      : context_(context), options_(std::move(options)) {}

  // Connects and announces to the first of `addresses` (of one family, not empty) that answers:
  // after each silence the next is asked. Errors: network, timed_out, rejected (the message is the
  // tracker's, raw), invalid_url.
  boost::asio::awaitable<Result<tracker::UdpAnnounced>> announce(std::vector<Endpoint> addresses,
                                                                 tracker::UdpAnnounce what,
                                                                 Duration first_timeout,
                                                                 TimePoint deadline);
  Duration first_timeout() const { return options_.first_timeout; }
  // Connection ids are good for the address to which they were sent.
  void forget_connections() { connections_.clear(); }
  void stop();  // closes; what is under way ends with an error

 private:
  using Answer = Result<tracker::UdpReply>;
  struct Question {
    explicit Question(boost::asio::io_context& context) : timer(context) {}
    Endpoint to;
    bool connects = false;            // else it announces
    boost::asio::steady_timer timer;  // the deadline; cancelled when there is an answer
    std::optional<Answer> answer;
  };
  struct Connection {
    std::uint64_t id = 0;
    TimePoint received{};
  };
  struct Socket {
    explicit Socket(boost::asio::io_context& context) : udp(context) {}
    boost::asio::ip::udp::socket udp;
    boost::asio::ip::udp::endpoint from;  // of the packet that is read
    std::array<std::byte, 16 * 1024> buffer{};
  };

  static boost::asio::awaitable<Answer> ask(std::shared_ptr<UdpTrackers> self, Endpoint to,
                                            bool connects, std::uint32_t transaction,
                                            tracker::Packet packet, TimePoint deadline);
  Result<void> open(tracker::IpFamily family);
  Result<void> send(const Endpoint& to, const tracker::Packet& packet);
  void receive(tracker::IpFamily family);
  void received(tracker::IpFamily family, std::size_t bytes);
  void read_errors(tracker::IpFamily family);
  void fail(const Endpoint& to, const std::string& message);
  std::uint32_t new_transaction();
  std::optional<std::uint64_t> connection_id(const Endpoint& to, TimePoint now);
  void keep(const Endpoint& to, std::uint64_t id, TimePoint now);
  std::unique_ptr<Socket>& socket(tracker::IpFamily family) {
    return family == tracker::IpFamily::v4 ? v4_ : v6_;
  }

  boost::asio::io_context& context_;
  const UdpTrackersOptions options_;
  std::random_device random_;
  std::unique_ptr<Socket> v4_, v6_;
  std::unordered_map<std::uint32_t, std::shared_ptr<Question>> questions_;  // by transaction
  std::map<Endpoint, Connection> connections_;
  bool stopped_ = false;
};

}  // namespace barter::net
