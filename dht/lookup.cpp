#include "dht/lookup.hpp"

#include <algorithm>

namespace barter::dht {

namespace {
constexpr std::size_t max_candidates = 250;
constexpr std::size_t max_advised = 16;    // nodes taken from one answer
constexpr std::size_t worth_keeping = 30;  // nearer ones at hand: a farther one is of no use
constexpr std::size_t ids_of_a_host = 2;
}  // namespace

const std::array<Lookup::Aim, 2 + Lookup::paths> Lookup::aims{
    {{k, true, -1}, {k_path, true, 0}, {k, false, -1}, {k_path, true, 1}, {k_path, true, 2}}};

// Neighbours begin different paths.
void Lookup::begin(std::span<const NodeInfo> nodes) {
  for (std::size_t i = 0; i < nodes.size(); ++i)
    add(nodes[i], nobody, static_cast<std::uint8_t>(i % paths));
}

void Lookup::begin_at(const Endpoint& endpoint) {
  if (endpoint.address.is_v4() != v4_) return;
  for (const Candidate& known : candidates_)
    if (known.node.endpoint == endpoint) return;
  Candidate candidate;
  candidate.node.endpoint = endpoint;
  candidate.has_id = false;
  candidate.path = static_cast<std::uint8_t>(candidates_.size() % paths);
  candidates_.push_back(std::move(candidate));
}

void Lookup::place(std::uint16_t number) {
  const auto at =
      std::lower_bound(order_.begin(), order_.end(), number, [&](std::uint16_t a, std::uint16_t b) {
        return nearer(target_, candidates_[a].node.id, candidates_[b].node.id);
      });
  order_.insert(at, number);
}

void Lookup::add(const NodeInfo& node, std::uint16_t advisor, std::uint8_t path) {
  if (node.endpoint.address.is_v4() != v4_ || candidates_.size() >= max_candidates) return;
  // Who is not in a local network has nothing to say about ours.
  if (advisor != nobody && node.endpoint.address.is_local() &&
      !candidates_[advisor].node.endpoint.address.is_local())
    return;
  const Endpoint host = host_of(node.endpoint);
  std::size_t same_host = 0;
  for (Candidate& known : candidates_) {
    if (known.node.endpoint == node.endpoint && (!known.has_id || known.node.id == node.id)) {
      // Another who knows it: its advice counts if the first one's does not.
      if (advisor != nobody && known.state == State::fresh && distrusted(known))
        known.advisor = advisor;
      return;
    }
    if (host_of(known.node.endpoint) == host && ++same_host >= ids_of_a_host) return;
  }
  Candidate candidate;
  candidate.node = node;
  candidate.advisor = advisor;
  candidate.path = path;
  candidate.conforms = conforms(node.id, node.endpoint.address);
  if (advisor != nobody)
    candidate.hops = static_cast<std::uint8_t>(std::min(254, candidates_[advisor].hops + 1));
  std::size_t closer = 0;
  for (const std::uint16_t number : order_) {
    const Candidate& other = candidates_[number];
    if (!nearer(target_, other.node.id, node.id)) break;
    if (other.state != State::failed && (other.conforms || !candidate.conforms) &&
        (other.path == path || !candidate.conforms))
      ++closer;
  }
  if (closer >= worth_keeping) return;
  candidates_.push_back(std::move(candidate));
  place(static_cast<std::uint16_t>(candidates_.size() - 1));
}

bool Lookup::distrusted(const Candidate& candidate) const {
  if (candidate.advisor == nobody) return false;
  const Candidate& advisor = candidates_[candidate.advisor];
  return advisor.advised_failed >= 3 && advisor.advised_failed > 2 * advisor.advised_answered;
}

bool Lookup::slow(const Candidate& candidate, TimePoint now) const {
  return candidate.state == State::asked && now - candidate.asked_at >= slow_after;
}

bool Lookup::concerns(const Aim& aim, const Candidate& candidate) {
  return candidate.state != State::failed && (candidate.conforms || !aim.fitting) &&
         (aim.path < 0 || candidate.path == aim.path);
}

std::optional<std::uint16_t> Lookup::wanted(const Aim& aim, bool trusted, TimePoint now) const {
  std::size_t counted = 0;
  for (const std::uint16_t number : order_) {
    const Candidate& candidate = candidates_[number];
    if (!concerns(aim, candidate)) continue;
    if (slow(candidate, now)) continue;  // look beyond it while it makes up its mind
    if (candidate.state == State::fresh) {
      if (trusted && distrusted(candidate)) continue;
      if (!candidate.conforms && misfits_asked_ >= max_misfits) continue;
      return number;
    }
    if (++counted >= aim.k) return std::nullopt;
  }
  return std::nullopt;
}

std::optional<std::uint16_t> Lookup::choose(TimePoint now) const {
  for (std::uint16_t i = 0; i < candidates_.size(); ++i)  // those without an id come first
    if (!candidates_[i].has_id && candidates_[i].state == State::fresh) return i;
  for (const bool trusted : {true, false})
    for (std::size_t i = 0; i < aims.size(); ++i)  // in turn
      if (const auto number = wanted(aims[(asked_ + i) % aims.size()], trusted, now)) return number;
  return std::nullopt;
}

std::optional<Lookup::Ask> Lookup::next(TimePoint now) {
  if (asked_ >= max_queries) return std::nullopt;
  std::size_t under_way = 0;
  for (const Candidate& candidate : candidates_)
    if (candidate.state == State::asked && !slow(candidate, now)) ++under_way;
  if (under_way >= parallel) return std::nullopt;
  const auto number = choose(now);
  if (!number) return std::nullopt;
  Candidate& candidate = candidates_[*number];
  candidate.state = State::asked;
  candidate.asked_at = now;
  ++asked_;
  if (candidate.has_id && !candidate.conforms) ++misfits_asked_;
  return Ask{*number, candidate.node.endpoint};
}

void Lookup::answered(std::uint16_t number, const NodeId& id, std::string_view token,
                      std::span<const NodeInfo> nodes) {
  Candidate& candidate = candidates_[number];
  if (candidate.state != State::asked) return;
  candidate.state = State::answered;
  ++answers_;
  if (!token.empty()) tokens_.emplace_back(number, token);
  if (candidate.advisor != nobody) {
    Candidate& advisor = candidates_[candidate.advisor];
    auto& count = candidate.node.id == id ? advisor.advised_answered : advisor.advised_failed;
    if (count < 255) ++count;
  }
  if (!candidate.has_id || candidate.node.id != id) {
    std::erase(order_, number);
    candidate.node.id = id;
    candidate.has_id = true;
    candidate.conforms = conforms(id, candidate.node.endpoint.address);
    place(number);
  }
  take_advice({nodes.begin(), nodes.end()}, number);
}

void Lookup::take_advice(std::vector<NodeInfo> advised, std::uint16_t advisor) {
  std::erase_if(advised,
                [&](const NodeInfo& node) { return node.endpoint.address.is_v4() != v4_; });
  const std::size_t taken = std::min(max_advised, advised.size());
  std::partial_sort(
      advised.begin(), advised.begin() + static_cast<std::ptrdiff_t>(taken), advised.end(),
      [&](const NodeInfo& a, const NodeInfo& b) { return nearer(target_, a.id, b.id); });
  // One of whom no id was known is a router: those whom it names begin all paths.
  const bool router = candidates_[advisor].hops == 1 && order_.size() < k;
  for (std::size_t i = 0; i < taken; ++i)
    add(advised[i], advisor,
        router ? static_cast<std::uint8_t>(i % paths) : candidates_[advisor].path);
}

void Lookup::failed(std::uint16_t number) {
  Candidate& candidate = candidates_[number];
  if (candidate.state != State::asked) return;
  candidate.state = State::failed;
  if (candidate.advisor == nobody) return;
  Candidate& advisor = candidates_[candidate.advisor];
  if (advisor.advised_failed < 255) ++advisor.advised_failed;
}

// The nearest that count have answered. One that is slow is waited for: it may be the nearest.
bool Lookup::complete(const Aim& aim, TimePoint now) const {
  std::size_t counted = 0;
  for (const std::uint16_t number : order_) {
    const Candidate& candidate = candidates_[number];
    if (!concerns(aim, candidate)) continue;
    if (candidate.state == State::fresh) {
      const bool beyond = !candidate.conforms && misfits_asked_ >= max_misfits;
      if (beyond || asked_ >= max_queries) continue;
      return false;
    }
    if (candidate.state == State::asked && now - candidate.asked_at < 2 * slow_after) return false;
    if (candidate.state == State::answered && ++counted >= aim.k) return true;
  }
  return true;
}

bool Lookup::done(TimePoint now) const {
  for (const Candidate& candidate : candidates_)
    if (!candidate.has_id && (candidate.state == State::asked ||
                              (candidate.state == State::fresh && asked_ < max_queries)))
      return false;
  return std::all_of(aims.begin(), aims.end(), [&](const Aim& aim) { return complete(aim, now); });
}

TimePoint Lookup::next_deadline(TimePoint now) const {
  TimePoint out = never;
  for (const Candidate& candidate : candidates_) {
    if (candidate.state != State::asked) continue;
    for (const Duration after : {slow_after, 2 * slow_after})
      if (candidate.asked_at + after > now) out = std::min(out, candidate.asked_at + after);
  }
  return out;
}

std::vector<Lookup::Target> Lookup::targets() const {
  std::vector<Target> out;
  std::size_t fitting = 0, all = 0;
  std::array<std::size_t, paths> of_path{};
  for (const std::uint16_t number : order_) {
    const Candidate& candidate = candidates_[number];
    if (candidate.state != State::answered) continue;
    const auto token = std::find_if(tokens_.begin(), tokens_.end(),
                                    [&](const auto& entry) { return entry.first == number; });
    if (token == tokens_.end()) continue;
    const bool of_its_path = candidate.conforms && of_path[candidate.path] < k_path;
    if ((candidate.conforms && fitting < k) || all < k || of_its_path)
      out.push_back({candidate.node, token->second});
    ++all;
    if (!candidate.conforms) continue;
    ++fitting;
    ++of_path[candidate.path];
  }
  return out;
}

std::vector<NodeInfo> Lookup::nearest(std::size_t count) const {
  std::vector<NodeInfo> out;
  for (const std::uint16_t number : order_) {
    if (out.size() >= count) break;
    if (candidates_[number].state == State::answered) out.push_back(candidates_[number].node);
  }
  return out;
}

unsigned Lookup::hops() const {
  for (const std::uint16_t number : order_)
    if (candidates_[number].state == State::answered) return candidates_[number].hops;
  return 0;
}

}  // namespace barter::dht
