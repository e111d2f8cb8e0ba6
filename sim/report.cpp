#include "sim/report.hpp"

#include <algorithm>
#include <cmath>
#include <map>

namespace barter::sim {

namespace {
double seconds(Duration duration) {
  return std::chrono::duration<double>(duration).count();
}

// In the bound and the figures of the crowd: neither liars nor riders
// nor who freezes or leaves early.
bool counts(const Node& node) {
  return node.options.honest && !node.options.rides && node.options.freezes == never &&
         (node.options.leaves == never || node.options.seed);
}
bool is_seed(const Node& node) {
  return node.options.seed;
}

double rate(std::uint64_t line, std::uint64_t limit) {
  return static_cast<double>(std::min(line, limit));
}

// When uplinks that begin at different times have together sent so many bytes.
double sent_by(std::vector<std::pair<double, double>> uplinks, double bytes) {
  std::sort(uplinks.begin(), uplinks.end());
  double speed = 0, at = 0;
  for (const auto& [begins, up] : uplinks) {
    if (speed > 0 && bytes <= speed * (begins - at)) break;
    bytes -= speed * (begins - at);
    at = begins;
    speed += up;
  }
  return speed > 0 ? at + bytes / speed : 0;
}
}  // namespace

double Bound::seconds() const {
  return std::max({seeds, downlink, uplinks});
}

Bound fluid_bound(const World& world) {
  const Layout& layout = world.layout();
  const auto size = static_cast<double>(layout.total_size());
  const double factor = world.options().frames ? frame_factor : 1;
  std::vector<std::pair<double, double>> seeds, all;
  double missing = 0;
  Bound bound;
  for (const auto& node : world.nodes()) {
    if (!counts(*node)) continue;
    const double joins = seconds(node->options.joins.time_since_epoch());
    const double up = rate(node->options.up, node->config->upload_limit);
    all.emplace_back(joins, up);
    if (is_seed(*node)) {
      seeds.emplace_back(joins, up);
      continue;
    }
    const double lacks = size - static_cast<double>(node->had_bytes);
    missing += lacks;
    const double down = rate(node->options.down, node->config->download_limit);
    bound.downlink = std::max(bound.downlink, joins + factor * lacks / down);
  }
  bound.seeds = sent_by(seeds, factor * static_cast<double>(world.only_at_seeds()));
  bound.uplinks = sent_by(all, factor * missing);
  return bound;
}

namespace {
// Adds a line's use between two of its states.
void add_use(UplinkReport& out, const Line& line, const Usage& usage, const Usage* before) {
  const auto up = static_cast<double>(line.up);
  const auto since = [&](Duration now, Duration then) { return seconds(now - then) * up; };
  out.capacity_bytes += since(usage.online(), before ? before->online() : Duration{});
  for (std::size_t i = 0; i < idle_reasons; ++i) {
    const auto reason = static_cast<Idle>(i);
    out.idle[i] += since(usage.idle(reason), before ? before->idle(reason) : Duration{});
  }
}

void to_shares(UplinkReport& out) {
  if (out.capacity_bytes <= 0) return;
  for (double& one : out.idle) one /= out.capacity_bytes;
  out.blocks /= out.capacity_bytes;
  out.control /= out.capacity_bytes;
  out.headers /= out.capacity_bytes;
}

void report_uplinks(const World& world, Report& out) {
  for (const auto& node : world.nodes()) {
    if (!node->joined_at) continue;
    const Line& line = world.network().line(node->number);
    UplinkReport& mine = is_seed(*node) ? out.seeds : out.peers_before;
    const bool split = !is_seed(*node) && node->finished_at.has_value();
    add_use(mine, line, split ? node->usage_at_finish : line.usage, nullptr);
    if (split) add_use(out.peers_after, line, line.usage, &node->usage_at_finish);
    const Sums before = split ? node->sums_at_finish : line.sums;
    mine.blocks += static_cast<double>(before.blocks);
    mine.control += static_cast<double>(before.control);
    mine.headers += static_cast<double>(before.headers);
    if (!split) continue;
    out.peers_after.blocks += static_cast<double>(line.sums.blocks - before.blocks);
    out.peers_after.control += static_cast<double>(line.sums.control - before.control);
    out.peers_after.headers += static_cast<double>(line.sums.headers - before.headers);
  }
  to_shares(out.seeds);
  to_shares(out.peers_before);
  to_shares(out.peers_after);
}

std::string group_of(const Node& node) {
  if (!node.options.group.empty()) return node.options.group;
  if (!node.options.honest) return "liar";
  return is_seed(node) ? "seed" : "peer";
}

void report_groups(const World& world, Report& out) {
  std::map<std::string, GroupReport> groups;
  const auto size = static_cast<double>(out.size);
  for (const auto& node : world.nodes()) {
    if (!node->joined_at) continue;
    GroupReport& group = groups[group_of(*node)];
    ++group.peers;
    if (node->swarm)
      group.sent += static_cast<double>(node->swarm->progress(world.instant()).uploaded) / size;
    if (!node->finished_at) continue;
    ++group.finished;
    const double took = seconds(*node->finished_at - *node->joined_at);
    group.mean_seconds += took;
    group.last_seconds = std::max(group.last_seconds, took);
    group.sent_at_finish += static_cast<double>(node->sent_at_finish) / size;
  }
  for (auto& [name, group] : groups) {
    group.name = name;
    group.sent /= group.peers;
    if (group.finished > 0) {
      group.mean_seconds /= group.finished;
      group.sent_at_finish /= group.finished;
    }
    out.groups.push_back(group);
  }
}

void report_times(const World& world, Report& out) {
  double sum = 0, speeds = 0, squares = 0;
  for (const auto& node : world.nodes()) {
    if (is_seed(*node) || !counts(*node) || !node->joined_at) continue;
    ++out.peers;
    if (!node->finished_at) continue;
    ++out.finished;
    const double took = seconds(*node->finished_at - *node->joined_at);
    out.finish_times.push_back(seconds(*node->finished_at - world.began()));
    sum += took;
    const double speed = 1 / (took * rate(node->options.up, node->config->upload_limit));
    speeds += speed;
    squares += speed * speed;
  }
  std::sort(out.finish_times.begin(), out.finish_times.end());
  if (out.finished == 0) return;
  const auto at = [&](double share) {
    const double rank = std::ceil(share * static_cast<double>(out.finished));
    return out.finish_times[static_cast<std::size_t>(std::max(rank, 1.0)) - 1];
  };
  out.mean_seconds = sum / out.finished;
  out.last_seconds = out.finish_times.back();
  out.median_seconds = at(0.5);
  out.p99_seconds = at(0.99);
  out.fairness = speeds * speeds / (out.finished * squares);
  out.efficiency = out.bound.seconds() / out.last_seconds;
  out.mean_efficiency = out.bound.seconds() / out.mean_seconds;
}

void report_waste(const World& world, Report& out) {
  std::uint64_t received = 0, wasted = 0, haves = 0, pieces = 0, seeds_sent = 0;
  for (const auto& node : world.nodes()) {
    if (!node->swarm) continue;
    const Progress progress = node->swarm->progress(world.instant());
    received += progress.downloaded;
    wasted += progress.wasted;
    haves += world.network().line(node->number).sums.haves;
    out.failed_pieces += node->failed_pieces;
    if (node->options.honest) out.failed_most = std::max(out.failed_most, node->failed_pieces);
    out.bans += node->banned.size();
    if (is_seed(*node) && node->options.honest) {
      seeds_sent += progress.uploaded;
    } else {
      pieces += node->stored.count();
    }
  }
  out.wasted = received > 0 ? static_cast<double>(wasted) / static_cast<double>(received) : 0;
  out.haves = pieces > 0 ? static_cast<double>(haves) / static_cast<double>(pieces) : 0;
  out.seeds_sent = static_cast<double>(seeds_sent) / static_cast<double>(out.size);
}

void report_liars(const World& world, Report& out) {
  for (const auto& liar : world.nodes()) {
    if (liar->options.corrupts <= 0) continue;
    ++out.liars;
    const bool banned =
        std::any_of(world.nodes().begin(), world.nodes().end(), [&](const auto& node) {
          return std::any_of(node->banned.begin(), node->banned.end(), [&](const Endpoint& one) {
            return one.address == liar->endpoint.address;
          });
        });
    if (banned) ++out.liars_banned;
  }
}

void report_riders(const World& world, Report& out) {
  double share = 0;
  for (const auto& node : world.nodes()) {
    if (!node->options.rides) continue;
    ++out.riders;
    const auto held =
        std::count_if(node->piece_times.begin(), node->piece_times.end(), [&](TimePoint time) {
          return seconds(time - node->joined_at.value_or(time)) <= out.mean_seconds;
        });
    share += static_cast<double>(held) / world.layout().piece_count();
  }
  if (out.riders > 0) out.rider_share = share / out.riders;
}
}  // namespace

Report make_report(World& world) {
  world.settle_usage();
  Report out;
  out.size = world.layout().total_size();
  out.bound = fluid_bound(world);
  out.events = world.events();
  if (world.copied_at()) out.copied_seconds = seconds(*world.copied_at() - world.began());
  report_times(world, out);
  report_uplinks(world, out);
  report_groups(world, out);
  report_waste(world, out);
  report_riders(world, out);
  report_liars(world, out);
  return out;
}

}  // namespace barter::sim
