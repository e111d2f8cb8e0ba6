#include "sim/rollout.hpp"

#include <algorithm>
#include <cmath>
#include <memory>

#include "torrent/layout.hpp"

namespace barter::sim {

namespace {
using std::chrono::milliseconds;
using std::chrono::seconds;

// A coarse block takes no longer than this on the slowest line.
constexpr double longest_block_seconds = 0.04;
constexpr std::uint32_t fewest_blocks = 4;  // of a coarse piece
constexpr std::uint64_t most_haves = 32'000'000;
constexpr std::uint64_t fewest_most_pieces = 256, most_pieces = 8192;
constexpr double longest_run = 1.5e8;  // seconds of simulated time
// Bytes a second from which on sockets hold more, as those of client/link/peer_link do.
constexpr std::uint64_t fast_line = 8 << 20;
constexpr std::uint32_t fast_line_low_water = 128 << 10;

double to_seconds(Duration duration) {
  return std::chrono::duration<double>(duration).count();
}
Duration of_seconds(double value) {
  return std::chrono::duration_cast<Duration>(std::chrono::duration<double>(value));
}

std::uint64_t links_of(const RolloutOptions& options) {
  return std::min<std::uint64_t>(options.connections, options.peers + options.seeds - 1ull);
}
std::uint64_t slowest_line(const RolloutOptions& options) {
  return std::min({options.up, options.down, options.seed_up});
}
std::uint64_t divide_up(std::uint64_t value, std::uint64_t by) {
  return value / by + (value % by != 0);
}
}  // namespace

Grain choose_grain(const RolloutOptions& options, std::uint64_t most_blocks) {
  const std::uint64_t pieces = divide_up(options.size, options.piece_length);
  // Each piece is announced over each link.
  const std::uint64_t piece_cap =
      std::clamp(most_haves / (options.peers * links_of(options)), fewest_most_pieces, most_pieces);
  const std::uint64_t block_cap =
      std::max<std::uint64_t>(most_blocks / options.peers, fewest_most_pieces * fewest_blocks);
  Grain grain;
  if (pieces <= piece_cap && divide_up(options.size, block_length) <= block_cap) {
    grain.pieces = static_cast<std::uint32_t>(pieces);
    grain.piece_length = options.piece_length;
    grain.last_piece =
        static_cast<std::uint32_t>(options.size - (pieces - 1) * options.piece_length);
    return grain;
  }
  grain.exact = false;
  const std::uint64_t kept = std::min({pieces, piece_cap, block_cap / fewest_blocks});
  const std::uint64_t real_blocks = std::max<std::uint64_t>(options.size / kept / block_length, 1);
  const std::uint64_t blocks = std::clamp<std::uint64_t>(block_cap / kept, 1, real_blocks);
  grain.pieces = static_cast<std::uint32_t>(kept);
  grain.piece_length = grain.last_piece = static_cast<std::uint32_t>(blocks * block_length);
  const double all = static_cast<double>(options.size) /
                     (static_cast<double>(kept) * static_cast<double>(grain.piece_length));
  const double bearable =
      longest_block_seconds * static_cast<double>(slowest_line(options)) / block_length;
  grain.rate = std::min(all, std::max(1.0, bearable));
  grain.time = all / grain.rate;
  return grain;
}

Effort effort_of(const RolloutOptions& options, const Grain& grain) {
  const double peers = options.peers, links = static_cast<double>(links_of(options));
  const double blocks = static_cast<double>(grain.pieces) * grain.piece_length / block_length;
  const double events = peers * (5 * blocks + 0.5 * links * grain.pieces);
  const double microseconds = 1 + 2 * std::log10(std::max(1.0, peers / 100));
  return {events * microseconds / 1e6,
          static_cast<std::uint64_t>((20 << 20) + peers * (links * 4096 + 32.0 * grain.pieces))};
}

double plain_copy_seconds(const RolloutOptions& options) {
  const double bytes = frame_factor * static_cast<double>(options.size);
  const double all = bytes * options.peers / (static_cast<double>(options.seed_up) * options.seeds);
  const double last = bytes / static_cast<double>(std::min(options.seed_up, options.down));
  return std::max(all, to_seconds(options.arrivals) + last);
}

namespace {
std::shared_ptr<const SwarmConfig> config_of(const RolloutOptions& options, const Grain& grain) {
  auto config = std::make_shared<SwarmConfig>();
  config->max_connections = options.connections;
  config->peers_wanted = std::min(config->peers_wanted, options.connections);
  config->max_known_peers = std::min(config->max_known_peers, 4 * options.connections);
  if (grain.rate <= 1) return config;
  // Bytes that stand for time are divided as the lines are.
  const auto fewer = [&](std::uint64_t bytes, std::uint64_t least) {
    return std::max(least, static_cast<std::uint64_t>(static_cast<double>(bytes) / grain.rate));
  };
  config->max_unsent_bytes = fewer(config->max_unsent_bytes, 4 * block_length);
  // The slots grow with the root of the rate (client/swarm/choker): as on the real line.
  const double slots = std::sqrt(static_cast<double>(options.up) / 8192);
  config->upload_slots_min = static_cast<std::uint32_t>(
      std::clamp<double>(slots, config->upload_slots_min, config->upload_slots_max));
  return config;
}

WorldOptions world_options(const RolloutOptions& options, const Grain& grain) {
  WorldOptions world;
  world.pieces = grain.pieces;
  world.piece_length = grain.piece_length;
  world.last_piece = grain.last_piece;
  world.frames = true;
  world.queue =
      std::clamp<Duration>(5 * options.round_trip / 2, milliseconds(2), milliseconds(100));
  world.one_network = options.round_trip < milliseconds(5);
  world.announce_interval = 20;  // as `share` asks for
  world.announce_min_interval = 5;
  world.checked = false;
  world.buffers = 8192ull * (options.peers + options.seeds);
  const std::uint32_t low_water =
      options.up < fast_line ? world.unsent_low_water : fast_line_low_water;
  world.unsent_low_water =
      std::max<std::uint32_t>(3 * block_length, static_cast<std::uint32_t>(low_water / grain.rate));
  world.config = config_of(options, grain);
  return world;
}

void add_nodes(World& world, const RolloutOptions& options, const Grain& grain) {
  const auto line = [&](std::uint64_t rate) {
    return static_cast<std::uint64_t>(static_cast<double>(rate) / grain.rate);
  };
  NodeOptions seed{.up = line(options.seed_up), .down = line(options.seed_down)};
  seed.delay = options.round_trip / 4;
  seed.seed = true;
  for (std::uint32_t i = 0; i < options.seeds; ++i) world.add(seed);
  // Each comes somewhere within its share of the time; a crowd begins within a moment.
  const double apart = std::max(0.1, to_seconds(options.arrivals)) / grain.time / options.peers;
  NodeOptions peer{.up = line(options.up), .down = line(options.down)};
  peer.delay = options.round_trip / 4;
  peer.leaves_when_complete = options.leave;
  for (std::uint32_t i = 0; i < options.peers; ++i) {
    const double within = static_cast<double>(world.random().below(1'000'000)) / 1e6;
    peer.joins = TimePoint(of_seconds(apart * (i + within)));
    world.add(peer);
  }
}

// Each peer's pieces; seeds are not counted.
double arrived(const World& world) {
  std::uint64_t pieces = 0, peers = 0;
  for (const auto& node : world.nodes()) {
    if (node->options.seed) continue;
    ++peers;
    pieces += node->stored.count();
  }
  const std::uint64_t all = peers * world.layout().piece_count();
  return all > 0 ? static_cast<double>(pieces) / static_cast<double>(all) : 0;
}

void to_real_units(Report& report, const RolloutOptions& options, const Grain& grain) {
  report.size = options.size;
  for (double* one :
       {&report.bound.seeds, &report.bound.downlink, &report.bound.uplinks, &report.last_seconds,
        &report.mean_seconds, &report.median_seconds, &report.p99_seconds, &report.copied_seconds})
    *one *= grain.time;
  for (double& one : report.finish_times) one *= grain.time;
  for (GroupReport& group : report.groups) {
    group.mean_seconds *= grain.time;
    group.last_seconds *= grain.time;
  }
  for (UplinkReport* one : {&report.seeds, &report.peers_before, &report.peers_after})
    one->capacity_bytes *= grain.rate * grain.time;
}
}  // namespace

Prediction predict(const RolloutOptions& options, const Grain& grain, std::uint64_t random_seed,
                   const std::function<bool(double share)>& go_on) {
  Prediction out;
  out.random_seed = random_seed;
  World world(random_seed, world_options(options, grain));
  add_nodes(world, options, grain);
  const double limit = std::min(longest_run, 50 * fluid_bound(world).seconds() + 600);
  world.run(of_seconds(limit), [&] {
    out.stopped = go_on && !go_on(arrived(world));
    return !out.stopped;
  });
  if (out.stopped) return out;
  out.report = make_report(world);
  to_real_units(out.report, options, grain);
  return out;
}

std::optional<double> seconds_until(const Report& report, double share) {
  const double rank = std::ceil(share * static_cast<double>(report.peers));
  const auto place = static_cast<std::size_t>(std::max(rank, 1.0)) - 1;
  if (place >= report.finish_times.size()) return std::nullopt;
  return report.finish_times[place];
}

}  // namespace barter::sim
