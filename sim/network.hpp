// Network: lines of nodes, links between them, and what waits in queues and in the air. Knows
// messages as items with a size and no Swarm. One owner, one thread.
//
// One direction of a link is an End. What is sent goes three steps, as in the client:
//   1. the connection's queue. Messages overtake blocks that have not begun, but a choke stays
//      behind the blocks promised before it (client/link/send_queue); blocks can be taken back
//   2. the socket: in order, at most about 128 KiB not yet sent (TCP_NOTSENT_LOWAT); a block that
//      enters it counts as sent for the Swarm
//   3. the packets: TCP's window admits them, the uplink serves its links in turn, an item at a
//      time, and holds a queue of them; they arrive after both ends' delays, and queue again before
//      the downlink
// A window starts at ten segments, doubles each round trip in which more waited than went, and is
// open once it covers the path and its queue; losses after that are not modelled, since links that
// share a line divide it by turns. After a pause longer than the retransmission timeout it starts
// again (RFC 2861). A full downlink holds its senders back.
#pragma once

#include <cstdint>
#include <vector>

#include "sim/event_queue.hpp"
#include "sim/items.hpp"
#include "sim/options.hpp"
#include "sim/usage.hpp"

namespace barter::sim {

inline constexpr std::uint32_t no_end = 0xffffffff;

// The far end of end `e` is e ^ 1.
struct End {
  std::uint32_t node = 0, connection = 0;
  std::uint16_t remote_port = 0;                    // of the other side, as this one sees it
  bool up = false;                                  // the link lives
  bool open = false;                                // and this side has been told
  bool am_choking = true, peer_interested = false;  // as the messages said

  // The connection's queue and the socket.
  Chain control, blocks, late, socket;
  std::uint32_t waiting = 0;             // in `blocks`
  std::uint32_t blocks_before_late = 0;  // the messages in `late` stand behind so many of them
  std::uint32_t unsent = 0;              // bytes in the socket
  bool full = false;                     // the socket takes nothing until half of it has gone
  bool dirty = false;                    // in the line's list of ends to be flushed

  // Its turn on the uplink.
  enum class Turn : std::uint8_t { none, queued, window, receiver } turn = Turn::none;
  std::uint32_t next_turn = no_end;

  // TCP.
  std::uint32_t window = 0, credit = 0;  // bytes; credit is what is left of it in this round
  bool window_open = false, waited = false;
  bool busy = false;  // in this round something always waited behind what was sent
  TimePoint round_end{}, last_sent{}, last_arrival{};
  TimePoint place_until{};  // its first block is in the receiver's backlog, and taken by then

  std::uint32_t uses = 0;  // events and lists that name this end
};

// What went over an uplink.
struct Sums {
  std::uint64_t blocks = 0, control = 0, headers = 0;  // bytes
  std::uint64_t haves = 0;                             // messages
};

struct Line {
  std::uint64_t up = 0, down = 0;  // bytes a second
  Duration delay{};
  bool frozen = false;
  // Uplink.
  TimePoint up_free{};  // when its last packet has left
  std::uint32_t first_turn = no_end, last_turn = no_end;
  bool pump_set = false;
  std::uint32_t window_waits = 0, receiver_waits = 0;  // ends that have something and may not send
  // Downlink: packets that wait before it, as the time they take, at the moment `down_seen`.
  Duration down_backlog{};
  TimePoint down_seen{};
  std::vector<std::uint32_t> dirty;
  Sums sums;
  Usage usage;
};

class Network {
 public:
  Network(EventQueue& events, const WorldOptions& options);

  std::uint32_t add_line(const NodeOptions& node);  // numbered from 0
  Line& line(std::uint32_t node) { return lines_[node]; }
  const Line& line(std::uint32_t node) const { return lines_[node]; }
  End& end(std::uint32_t end) { return ends_[end]; }
  const End& end(std::uint32_t end) const { return ends_[end]; }
  Items& items() { return items_; }
  Duration one_way(std::uint32_t end) const {
    return lines_[ends_[end].node].delay + lines_[ends_[end ^ 1].node].delay;
  }

  // A new link: the first node's end; the other's is the next number.
  std::uint32_t make_link(std::uint32_t from, std::uint32_t to);
  // What was on its way is lost.
  void cut(std::uint32_t end);
  void hold(std::uint32_t end) { ++ends_[end].uses; }
  void let_go(std::uint32_t end);

  void send(std::uint32_t end, wire::Message&& message);
  void send_block(std::uint32_t end, const BlockRange& range);
  bool take_back(std::uint32_t end, const BlockRange& range);  // false: it has begun, or never was

  // From the queues into the sockets, as far as they take it. Blocks that went: appended to `sent`.
  struct Sent {
    std::uint32_t end;
    BlockRange range;
  };
  void flush(std::uint32_t node, std::vector<Sent>& sent, TimePoint now);
  // From the sockets onto the line, as far as it takes it.
  void pump(std::uint32_t node, TimePoint now);
  bool dirty(std::uint32_t node) const { return !lines_[node].dirty.empty(); }
  // The events `pump` and `ready`.
  void on_pump(std::uint32_t node, TimePoint now);
  void on_ready(std::uint32_t end, TimePoint now);

 private:
  void mark(std::uint32_t end);
  void queue_turn(std::uint32_t end);
  std::uint32_t socket_limit(const End& end) const;
  bool admit(std::uint32_t number, std::uint32_t bytes, TimePoint now);
  bool receiver_admits(std::uint32_t number, std::uint32_t bytes, TimePoint now);
  void begin_round(std::uint32_t number, TimePoint now);
  void wait(std::uint32_t number, End::Turn why, TimePoint until);
  std::uint32_t take_packet(End& end, Chain& packet);
  void transmit(std::uint32_t number, TimePoint now);
  std::uint32_t on_the_line(std::uint32_t bytes) const;  // with headers
  void acknowledge(Line& receiver, std::uint32_t bytes, TimePoint now);

  EventQueue* events_;
  Items items_;
  std::vector<Line> lines_;
  std::vector<End> ends_;
  std::vector<std::uint32_t> free_links_;  // first ends
  Duration queue_;
  std::uint32_t unsent_low_water_;
  bool frames_, slow_start_;
};

}  // namespace barter::sim
