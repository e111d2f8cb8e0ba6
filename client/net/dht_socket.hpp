// DhtSocket: our node of the DHT at work: one UDP socket a family on the number of the peers' port,
// a timer, the table kept from run to run, and the torrents that are looked for and announced. The
// decisions are dht::Node's. Takes part in nothing before there is something to look for; those who
// call by uTP, who take it for the peers' port, are told from the first that nobody speaks that
// here. Owned by the Client, on its service thread.
#pragma once

#include <array>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/ip/udp.hpp>
#include <boost/asio/steady_timer.hpp>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "client/net/datagrams.hpp"
#include "client/net/named_hosts.hpp"
#include "client/net/utp_refusal.hpp"
#include "dht/node.hpp"
#include "dht/search_schedule.hpp"
#include "torrent/digest.hpp"
#include "torrent/endpoint.hpp"
#include "torrent/time.hpp"

namespace barter::net {

struct DhtSocketOptions {
  std::uint16_t port = 0;           // of peers and, if it is free there, of the DHT
  std::vector<Address> addresses;   // of ours; empty: all
  std::vector<HostPort> bootstrap;  // whom to ask first
  std::string state_folder;         // where the table is kept; "" keeps none
  bool read_only = false;           // BEP 43: asks and does not answer; in nobody's table
  Duration announce_interval = std::chrono::minutes(15);
  Duration retry_min = std::chrono::seconds(10);  // after a search that found nobody; doubles
  Duration save_interval = std::chrono::minutes(10);
};

class DhtSocket : public std::enable_shared_from_this<DhtSocket> {
 public:
  // On the service thread.
  using Found = std::function<void(const WireInfoHash&, std::span<const Endpoint>)>;

  // `told`: of a node's name that cannot be found.
  DhtSocket(boost::asio::io_context& context, DhtSocketOptions options, Found found,
            NamedHosts::Told told = {});
  ~DhtSocket();

  // Binds. At once, before anything else is called; false if no socket
  // can be had. port() is known then.
  bool open();
  std::uint16_t port() const { return port_; }

  // Any thread.
  void begin(const WireInfoHash& info_hash);
  void end(const WireInfoHash& info_hash);
  void add_node(const Endpoint& node);                 // PORT of a peer
  void add_nodes(const std::vector<HostPort>& nodes);  // of a torrent
  // For a person's questions. `told` hears all actions of that request, RequestDone last, and
  // `question` is asked, on the service thread.
  using Request = std::function<dht::RequestId(dht::Node&, TimePoint)>;
  void request(Request request, std::function<void(const dht::Action&)> told);
  void question(std::function<void(const dht::Node&)> question);
  // Saves the table and closes; waits for that. Not on the service thread, which must run.
  void stop();

 private:
  struct Socket {
    explicit Socket(boost::asio::io_context& context) : udp(context) {}
    boost::asio::ip::udp::socket udp;
    std::array<char, 4096> received{};
    unsigned errors = 0;
  };
  bool open(bool v4, std::uint16_t port);
  void start();
  void load();
  void save();
  void resolve(const std::vector<HostPort>& nodes);
  void receive(const std::shared_ptr<Socket>& socket);
  void heard(Socket& socket, const Datagram& datagram);
  void search_due();
  void drain();
  void perform(const dht::SendDatagram& action);
  void perform(const dht::PeersFound& action);
  void perform(const dht::RequestDone& action);
  void perform(const dht::NodesKnown& action);
  template <class Other>
  void perform(const Other&) {}
  void tell(const dht::Action& action);
  TimePoint next_deadline() const;
  void arm();
  template <class Work>
  void post(Work work);

  boost::asio::io_context& context_;
  const DhtSocketOptions options_;
  Found found_;
  std::shared_ptr<Socket> v4_, v6_;  // null: none
  std::uint16_t port_ = 0;
  std::optional<dht::Node> node_;  // once started
  boost::asio::steady_timer timer_;
  NameResolver resolver_;
  NamedHosts::Told told_unknown_;
  std::shared_ptr<NamedHosts> names_;  // of nodes; null while there are none
  dht::SearchSchedule searches_;
  std::map<dht::RequestId, std::function<void(const dht::Action&)>> told_;
  std::vector<dht::Action> actions_;  // scratch
  UtpRefusals refusals_;
  TimePoint save_at_ = never;
  int lock_ = -1;                  // on the saved table: one of several barters keeps it
  std::optional<Datagram> heard_;  // what is being answered
  bool stopped_ = false;
};

}  // namespace barter::net
