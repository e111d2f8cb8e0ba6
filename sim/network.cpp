#include "sim/network.hpp"

#include <algorithm>

namespace barter::sim {

namespace {
constexpr std::uint32_t segment = 1448;               // bytes of the stream in a full packet
constexpr std::uint32_t header = 66;                  // Ethernet, IPv4, TCP with timestamps
constexpr std::uint32_t first_window = 10 * segment;  // RFC 6928
constexpr std::uint32_t least_socket = 60 << 10;      // Linux' first send buffer, payload
constexpr Duration least_timeout = std::chrono::milliseconds(200);  // RFC 6298, as Linux has it

Duration transfer_time(std::uint64_t bytes, std::uint64_t rate) {
  return Duration(
      static_cast<Duration::rep>(bytes * 1'000'000'000ull / std::max<std::uint64_t>(rate, 1)));
}
}  // namespace

std::string_view to_string(Idle reason) {
  switch (reason) {
    case Idle::window:
      return "tcp window";
    case Idle::receiver_full:
      return "receiver full";
    case Idle::no_peers:
      return "no peers";
    case Idle::no_piece:
      return "no piece yet";
    case Idle::not_wanted:
      return "nobody interested";
    case Idle::choked:
      return "all choked";
    case Idle::limit:
      return "own limit";
    case Idle::no_requests:
      return "no requests";
  }
  return {};
}

Network::Network(EventQueue& events, const WorldOptions& options)
    : events_(&events),
      queue_(options.queue),
      unsent_low_water_(options.unsent_low_water),
      frames_(options.frames),
      slow_start_(options.slow_start) {}

std::uint32_t Network::add_line(const NodeOptions& node) {
  Line line;
  line.up = node.up;
  line.down = node.down;
  line.delay = node.delay;
  lines_.push_back(std::move(line));
  return static_cast<std::uint32_t>(lines_.size() - 1);
}

// ---- links

std::uint32_t Network::make_link(std::uint32_t from, std::uint32_t to) {
  std::uint32_t first = no_end;
  if (free_links_.empty()) {
    first = static_cast<std::uint32_t>(ends_.size());
    ends_.resize(ends_.size() + 2);
  } else {
    first = free_links_.back();
    free_links_.pop_back();
  }
  ends_[first] = {};
  ends_[first + 1] = {};
  ends_[first].node = from;
  ends_[first + 1].node = to;
  ends_[first].up = ends_[first + 1].up = true;
  return first;
}

void Network::cut(std::uint32_t number) {
  for (const std::uint32_t one : {number, number ^ 1u}) {
    End& end = ends_[one];
    end.up = end.open = false;
    items_.free_all(end.control);
    items_.free_all(end.blocks);
    items_.free_all(end.late);
    items_.free_all(end.socket);
    end.waiting = end.blocks_before_late = end.unsent = 0;
  }
  hold(number);
  let_go(number);
}

void Network::let_go(std::uint32_t number) {
  --ends_[number].uses;
  if (ends_[number].up || ends_[number].uses > 0 || ends_[number ^ 1].uses > 0) return;
  free_links_.push_back(number & ~1u);
}

// ---- the connection's queue

void Network::mark(std::uint32_t number) {
  End& end = ends_[number];
  if (end.dirty) return;
  end.dirty = true;
  hold(number);
  lines_[end.node].dirty.push_back(number);
}

void Network::send(std::uint32_t number, wire::Message&& message) {
  End& end = ends_[number];
  if (std::holds_alternative<wire::Choke>(message)) end.blocks_before_late = end.waiting;
  if (std::holds_alternative<wire::Have>(message)) ++lines_[end.node].sums.haves;
  items_.push(end.blocks_before_late > 0 ? end.late : end.control, items_.make(std::move(message)));
  mark(number);
}

void Network::send_block(std::uint32_t number, const BlockRange& range) {
  End& end = ends_[number];
  items_.push(end.blocks, items_.make_block(range));
  ++end.waiting;
  mark(number);
}

bool Network::take_back(std::uint32_t number, const BlockRange& range) {
  End& end = ends_[number];
  std::uint32_t place = 0;
  if (!items_.remove_block(end.blocks, range, place)) return false;
  --end.waiting;
  if (place < end.blocks_before_late && --end.blocks_before_late == 0)
    items_.splice(end.control, end.late);
  mark(number);
  return true;
}

// Linux lets a socket hold a few windows; of those not yet sent, the low-water mark.
std::uint32_t Network::socket_limit(const End& end) const {
  if (!slow_start_ || end.window_open) return unsent_low_water_;
  return std::min(std::max(4 * end.window, least_socket), unsent_low_water_);
}

void Network::flush(std::uint32_t node, std::vector<Sent>& sent, TimePoint now) {
  Line& line = lines_[node];
  for (std::size_t i = 0; i < line.dirty.size(); ++i) {
    const std::uint32_t number = line.dirty[i];
    End& end = ends_[number];
    end.dirty = false;
    if (end.up) {
      const std::uint32_t limit = socket_limit(end);
      if (slow_start_ && end.socket.empty() && end.window_open &&
          now - end.last_sent > 2 * one_way(number) + least_timeout)
        end.window_open = false;  // begin_round() makes it small again
      while (!end.full) {
        const bool block = end.control.empty();
        if (block && end.blocks.empty()) break;
        if (end.unsent >= limit) {
          end.full = true;
          break;
        }
        const std::uint32_t item = items_.pop(block ? end.blocks : end.control);
        end.unsent += items_.bytes(item);
        items_.push(end.socket, item);
        if (!block) continue;
        --end.waiting;
        sent.push_back({number, items_.block(item)});
        if (end.blocks_before_late > 0 && --end.blocks_before_late == 0)
          items_.splice(end.control, end.late);
      }
      if (!end.socket.empty() && end.turn == End::Turn::none) queue_turn(number);
    }
    let_go(number);
  }
  line.dirty.clear();
}

// ---- the line

void Network::queue_turn(std::uint32_t number) {
  End& end = ends_[number];
  Line& line = lines_[end.node];
  end.turn = End::Turn::queued;
  end.next_turn = no_end;
  hold(number);
  if (line.first_turn == no_end) {
    line.first_turn = number;
  } else {
    ends_[line.last_turn].next_turn = number;
  }
  line.last_turn = number;
}

void Network::pump(std::uint32_t node, TimePoint now) {
  Line& line = lines_[node];
  if (line.pump_set || line.frozen) return;
  // An empty line always takes one more.
  while (line.first_turn != no_end && (line.up_free <= now || line.up_free - now <= queue_)) {
    const std::uint32_t number = line.first_turn;
    End& end = ends_[number];
    line.first_turn = end.next_turn;
    end.turn = End::Turn::none;
    if (end.up && !end.socket.empty()) {
      const std::uint32_t bytes = items_.bytes(end.socket.head);
      if (admit(number, bytes, now) && receiver_admits(number, bytes, now)) {
        transmit(number, now);
        if (!end.socket.empty()) queue_turn(number);
      }
    }
    let_go(number);
  }
  if (line.first_turn == no_end) return;
  line.pump_set = true;
  events_->push({std::max(now, line.up_free - queue_), EventKind::pump, node, 0});
}

void Network::on_pump(std::uint32_t node, TimePoint now) {
  lines_[node].pump_set = false;
  pump(node, now);
}

void Network::on_ready(std::uint32_t number, TimePoint now) {
  End& end = ends_[number];
  Line& line = lines_[end.node];
  --(end.turn == End::Turn::window ? line.window_waits : line.receiver_waits);
  end.turn = End::Turn::none;
  if (end.up && !end.socket.empty()) queue_turn(number);
  pump(end.node, now);
  let_go(number);
}

void Network::wait(std::uint32_t number, End::Turn why, TimePoint until) {
  End& end = ends_[number];
  Line& line = lines_[end.node];
  ++(why == End::Turn::window ? line.window_waits : line.receiver_waits);
  end.turn = why;
  hold(number);
  events_->push({until, EventKind::ready, number, 0});
}

void Network::begin_round(std::uint32_t number, TimePoint now) {
  End& end = ends_[number];
  const Line& line = lines_[end.node];
  const Line& far = lines_[ends_[number ^ 1].node];
  const Duration path = 2 * one_way(number);
  const Duration round = path + std::max(Duration::zero(), line.up_free - now);
  const Duration pause = now - end.last_sent;
  if (end.window == 0) {
    end.window = first_window;
  } else if (pause > round + least_timeout && !end.waited) {
    const auto halvings = std::min<Duration::rep>(31, pause / (round + least_timeout));
    end.window = std::max(first_window, end.window >> halvings);
  } else if (end.waited || end.busy || end.credit < end.window / 2) {
    end.window *= 2;
  }
  end.busy = true;
  end.credit = (end.waited ? end.credit : 0) + end.window;
  end.waited = false;
  end.round_end = now + round;
  const double full = static_cast<double>(std::min(line.up, far.down)) *
                      std::chrono::duration<double>(path + queue_).count();
  end.window_open = static_cast<double>(end.window) >= full || end.window >= 1u << 30;
}

bool Network::admit(std::uint32_t number, std::uint32_t bytes, TimePoint now) {
  End& end = ends_[number];
  if (!slow_start_ || end.window_open) return true;
  if (now >= end.round_end) begin_round(number, now);
  if (end.window_open) return true;
  if (bytes <= end.credit) {
    end.credit -= bytes;
    return true;
  }
  end.waited = true;
  wait(number, End::Turn::window, end.round_end);
  return false;
}

// A block that finds the downlink full has its place in what waits there from now on, and is sent
// when that is due: senders come in turn, and none of them takes the line for itself.
bool Network::receiver_admits(std::uint32_t number, std::uint32_t bytes, TimePoint now) {
  End& end = ends_[number];
  if (bytes < segment || end.place_until != TimePoint{}) return true;
  Line& far = lines_[ends_[number ^ 1].node];
  const Duration backlog = far.down_backlog - std::min(far.down_backlog, now - far.down_seen);
  const Duration most = std::max(queue_, transfer_time(bytes, far.down));
  if (backlog <= most) return true;
  far.down_backlog = backlog + transfer_time(on_the_line(bytes), far.down);
  far.down_seen = now;
  end.place_until = now + far.down_backlog;
  // What was taken off the window is given back.
  if (slow_start_ && !end.window_open) end.credit += bytes;
  wait(number, End::Turn::receiver, now + backlog - most);
  return false;
}

std::uint32_t Network::on_the_line(std::uint32_t bytes) const {
  return frames_ ? bytes + header * ((bytes + segment - 1) / segment) : bytes;
}

// One acknowledgement for two segments, on the receiver's uplink.
void Network::acknowledge(Line& receiver, std::uint32_t bytes, TimePoint now) {
  if (!frames_ || bytes < segment) return;
  const std::uint32_t packets = (bytes + 2 * segment - 1) / (2 * segment);
  receiver.usage.advance(now, receiver.up_free);
  receiver.up_free = std::max(receiver.up_free, now) + transfer_time(packets * header, receiver.up);
  receiver.sums.headers += packets * header;
}

// A block, or messages up to a segment.
std::uint32_t Network::take_packet(End& end, Chain& packet) {
  std::uint32_t bytes = 0;
  do {
    const std::uint32_t item = items_.pop(end.socket);
    bytes += items_.bytes(item);
    const bool block = items_.is_block(item);
    items_.push(packet, item);
    if (block) break;
  } while (!end.socket.empty() && !items_.is_block(end.socket.head) &&
           bytes + items_.bytes(end.socket.head) <= segment);
  return bytes;
}

void Network::transmit(std::uint32_t number, TimePoint now) {
  End& end = ends_[number];
  Line& line = lines_[end.node];
  Line& far = lines_[ends_[number ^ 1].node];
  const bool block = items_.is_block(end.socket.head);
  Chain packet;
  const std::uint32_t bytes = take_packet(end, packet);
  const std::uint32_t on_line = on_the_line(bytes);
  end.unsent -= bytes;
  end.last_sent = now;
  end.busy = end.busy && !end.socket.empty();
  (block ? line.sums.blocks : line.sums.control) += bytes;
  line.sums.headers += on_line - bytes;
  line.usage.advance(now, line.up_free);
  line.up_free = std::max(line.up_free, now) + transfer_time(on_line, line.up);

  const Duration waiting = far.down_backlog - std::min(far.down_backlog, now - far.down_seen);
  const Duration work = transfer_time(on_line, far.down);
  Duration until_taken = waiting + work;
  if (end.place_until != TimePoint{}) {
    until_taken = std::max(work, end.place_until - now);  // it is counted already
    end.place_until = {};
  } else {
    far.down_backlog = until_taken;
    far.down_seen = now;
  }
  // The downlink takes the bytes as they come; where it is the slower one it ends later.
  const Duration behind = until_taken - std::min(until_taken, transfer_time(on_line, line.up));
  end.last_arrival = std::max(end.last_arrival, line.up_free + one_way(number) + behind);
  acknowledge(far, bytes, now);
  hold(number ^ 1);
  events_->push({end.last_arrival, EventKind::arrive, number ^ 1, packet.head});
  if (end.full && end.unsent < socket_limit(end) / 2) {
    end.full = false;
    mark(number);
  }
}

}  // namespace barter::sim
