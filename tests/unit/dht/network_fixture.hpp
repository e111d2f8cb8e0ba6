// Some Nodes joined by a wire that loses nothing and takes 20 ms, for tests.
#pragma once

#include <catch2/catch.hpp>

#include <algorithm>
#include <map>
#include <memory>
#include <string>
#include <variant>
#include <vector>

#include "dht/krpc.hpp"
#include "dht/node.hpp"

namespace barter::dht {

class TestNetwork {
 public:
  // `host`: from 1 on. Public addresses, so that what protects from strangers is at work.
  static Endpoint endpoint(unsigned host, bool v4 = true) {
    const auto high = static_cast<std::uint8_t>(host >> 8), low = static_cast<std::uint8_t>(host);
    if (v4) return {Address::v4({81, low, high, 9}), 6881};
    return {Address::v6({0x20, 0x01, low, high, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1}), 6881};
  }

  Node& add(unsigned host, Config config = {}) {
    auto& node = nodes_[host];
    node = std::make_unique<Node>(std::make_shared<const Config>(config), SipKey{host, 77});
    node->set_external_address(endpoint(host).address, now);
    node->set_external_address(endpoint(host, false).address, now);
    return *node;
  }
  Node& operator[](unsigned host) { return *nodes_.at(host); }
  void remove(unsigned host) { nodes_.erase(host); }

  // Hosts 1 to `count`, each of which knows the first.
  void build(unsigned count, const Config& config = {}) {
    for (unsigned host = 1; host <= count; ++host) {
      Node& node = add(host, config);
      node.start(now);
      join(host);
      run(std::chrono::milliseconds(300));
    }
    run(std::chrono::seconds(30));
  }
  void join(unsigned host) {
    std::vector<Endpoint> first;
    for (const bool v4 : {true, false})
      if (host != 1) first.push_back(endpoint(1, v4));
    nodes_.at(host)->add_bootstrap(first, now);
  }

  // A datagram from outside of the network; what comes back is in `outside`.
  void inject(const Endpoint& from, unsigned host, std::string bytes) {
    wire_.insert({now + delay, {from, host, std::move(bytes)}});
  }

  void run(Duration time) {
    const TimePoint end = now + time;
    for (;;) {
      drain();
      TimePoint next = end;
      if (!wire_.empty()) next = std::min(next, wire_.begin()->first);
      for (auto& [host, node] : nodes_) next = std::min(next, node->next_deadline());
      if (next >= end) break;
      now = std::max(now, next);
      while (!wire_.empty() && wire_.begin()->first <= now) {
        const Datagram datagram = std::move(wire_.begin()->second);
        wire_.erase(wire_.begin());
        const auto found = nodes_.find(datagram.to);
        if (found != nodes_.end())
          found->second->datagram_received(datagram.from, datagram.bytes, now);
      }
      for (auto& [host, node] : nodes_)
        if (node->next_deadline() <= now) node->time_passed(now);
    }
    now = end;
    drain();
  }

  // What the nodes told, in order.
  template <class T>
  std::vector<T> told(unsigned host) const {
    std::vector<T> out;
    if (const auto found = told_.find(host); found != told_.end())
      for (const Action& action : found->second)
        if (const auto* one = std::get_if<T>(&action)) out.push_back(*one);
    return out;
  }
  RequestDone done(unsigned host, RequestId request) const {
    for (const RequestDone& one : told<RequestDone>(host))
      if (one.request == request) return one;
    FAIL("the request is not done");
    return {};
  }
  std::vector<Endpoint> peers(unsigned host, RequestId request) const {
    std::vector<Endpoint> out;
    for (const PeersFound& one : told<PeersFound>(host))
      if (one.request == request) out.insert(out.end(), one.peers.begin(), one.peers.end());
    std::sort(out.begin(), out.end());
    return out;
  }

  TimePoint now{std::chrono::hours(100)};
  std::vector<SendDatagram> outside;  // to nobody in the network

 private:
  static constexpr Duration delay = std::chrono::milliseconds(20);
  struct Datagram {
    Endpoint from;
    unsigned to = 0;
    std::string bytes;
  };

  void drain() {
    for (auto& [host, node] : nodes_) {
      std::vector<Action> actions;
      node->take_actions(actions);
      REQUIRE(node->broken_invariant().empty());
      for (Action& action : actions) {
        auto* send = std::get_if<SendDatagram>(&action);
        if (send == nullptr) {
          told_[host].push_back(std::move(action));
          continue;
        }
        REQUIRE(send->bytes.size() <= 1400);
        const unsigned to = host_at(send->to);
        if (to == 0)
          outside.push_back(std::move(*send));
        else
          wire_.insert({now + delay,
                        {endpoint(host, send->to.address.is_v4()), to, std::move(send->bytes)}});
      }
    }
  }
  unsigned host_at(const Endpoint& at) const {
    for (const auto& [host, node] : nodes_)
      if (endpoint(host) == at || endpoint(host, false) == at) return host;
    return 0;
  }

  std::map<unsigned, std::unique_ptr<Node>> nodes_;
  std::multimap<TimePoint, Datagram> wire_;
  std::map<unsigned, std::vector<Action>> told_;
};

}  // namespace barter::dht
