// LocalDiscovery: finds peers on the same network segments by multicast (BEP 14), and is found.
// Announces what it is told to on each interface soon and every five minutes, a torrent once a
// minute at most, with a TTL of 1; hears what others announce. Opens no socket before there is
// something to announce. Owned by the Client, on its service thread.
#pragma once

#include <array>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/udp.hpp>
#include <boost/asio/steady_timer.hpp>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "torrent/digest.hpp"
#include "torrent/endpoint.hpp"
#include "torrent/time.hpp"

namespace barter::net {

struct LocalDiscoveryOptions {
  std::uint16_t port = 0;          // on which peers reach us
  std::vector<Address> addresses;  // only interfaces that have one of these; empty: all
  Duration first_after = std::chrono::milliseconds(200);  // so that many torrents are one datagram
  Duration interval = std::chrono::minutes(5);
  Duration pause = std::chrono::minutes(1);  // of one torrent, however often it begins
};

class LocalDiscovery : public std::enable_shared_from_this<LocalDiscovery> {
 public:
  // On the service thread. The hash is one that was announced with `begin`.
  using Found = std::function<void(const WireInfoHash&, const Endpoint&)>;

  LocalDiscovery(boost::asio::io_context& context, LocalDiscoveryOptions options, Found found);
  ~LocalDiscovery();

  // Any thread. Of a private torrent never.
  void begin(const WireInfoHash& info_hash);
  void end(const WireInfoHash& info_hash);
  void stop();

 private:
  struct Torrent {
    bool active = false;
    TimePoint due = never;
    TimePoint announced{};
  };
  struct Interface {
    unsigned number = 0;
    Address address;  // of ours there
  };
  struct Group {  // of one family
    explicit Group(boost::asio::io_context& context, bool is_v6) : socket(context), v6(is_v6) {}
    boost::asio::ip::udp::socket socket;
    const bool v6;
    std::vector<Interface> joined;
    std::array<char, 2048> received{};
    boost::asio::ip::udp::endpoint from;
    unsigned errors = 0;
  };
  void open();
  bool open(Group& group);
  void join(Group& group, const std::vector<Interface>& interfaces);
  std::vector<Interface> interfaces(bool v6) const;
  void arm();
  void announce_due();
  void announce(std::vector<WireInfoHash> hashes);
  void send(Group& group, const Interface& interface, const std::string& datagram);
  void receive(const std::shared_ptr<Group>& group);
  void heard(const Group& group, std::size_t size);

  boost::asio::io_context& context_;
  const LocalDiscoveryOptions options_;
  Found found_;
  const std::string cookie_;
  boost::asio::steady_timer timer_;
  std::vector<std::shared_ptr<Group>> groups_;
  bool opened_ = false, stopped_ = false;
  std::map<WireInfoHash, Torrent> torrents_;
};

}  // namespace barter::net
