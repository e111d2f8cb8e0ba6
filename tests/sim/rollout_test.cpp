// Predictions: what is simulated for a question, and that it answers it.
#include <catch2/catch.hpp>

#include "sim/rollout.hpp"
#include "torrent/layout.hpp"

namespace barter::sim {
namespace {

constexpr std::uint64_t mbit(std::uint64_t megabits) {
  return megabits * 1'000'000 / 8;
}

RolloutOptions question() {
  RolloutOptions options;
  options.peers = 8;
  options.size = 64 << 20;
  options.piece_length = 256 << 10;
  options.seed_up = mbit(20);
  options.seed_down = options.down = mbit(40);
  options.up = mbit(10);
  options.round_trip = std::chrono::milliseconds(40);
  return options;
}

double simulated_size(const Grain& grain) {
  return (static_cast<double>(grain.pieces - 1) * grain.piece_length + grain.last_piece) *
         grain.rate * grain.time;
}

TEST_CASE("what is small enough is simulated as it is", "[sim][rollout]") {
  RolloutOptions options = question();
  options.size += 5;
  const Grain grain = choose_grain(options);
  CHECK(grain.exact);
  CHECK(grain.pieces == 257);
  CHECK(grain.piece_length == 256 << 10);
  CHECK(grain.last_piece == 5);
  CHECK(grain.rate == 1);
  CHECK(grain.time == 1);
  CHECK(simulated_size(grain) == Approx(static_cast<double>(options.size)));
}

TEST_CASE("what is too large is made smaller, and remains in proportion", "[sim][rollout]") {
  for (const std::uint32_t peers : {1u, 50u, 1000u, 10'000u})
    for (const std::uint64_t size : {1ull << 20, 3ull << 30, 100'000'000'000ull, 1ull << 50})
      for (const std::uint64_t up : {least_rollout_rate, mbit(10), mbit(1000), mbit(100'000)})
        for (const std::uint32_t piece_length : {16u << 10, 16u << 20}) {
          RolloutOptions options = question();
          options.peers = peers;
          options.size = size;
          options.seed_up = options.up = options.down = up;
          options.piece_length = piece_length;
          CAPTURE(peers, size, up, piece_length);
          const Grain grain = choose_grain(options);
          CHECK(simulated_size(grain) == Approx(static_cast<double>(size)));
          CHECK(grain.pieces >= 1);
          CHECK(grain.piece_length % block_length == 0);
          CHECK(grain.last_piece >= 1);
          CHECK(grain.last_piece <= grain.piece_length);
          CHECK(grain.rate >= 1);
          CHECK(grain.time >= 1 - 1e-9);
          if (grain.exact) {
            CHECK(grain.rate * grain.time == 1);
            continue;
          }
          const double blocks =
              static_cast<double>(grain.pieces) * (grain.piece_length / block_length);
          CHECK(blocks * peers <= std::max<double>(usual_blocks, 1024.0 * peers));
          // A block of the scaled line is no longer than the loops bear.
          const double slowed = static_cast<double>(up) / grain.rate;
          CHECK((grain.rate == 1 || block_length / slowed <= 0.041));
        }
}

TEST_CASE("a prediction is near its bound, above it, and the same for a seed", "[sim][rollout]") {
  const RolloutOptions options = question();
  const Grain grain = choose_grain(options);
  const Report report = predict(options, grain, 3).report;
  CHECK(report.peers == 8);
  CHECK(report.finished == 8);
  CHECK(report.size == options.size);
  // The uplinks together: 8 copies over 100 Mbit/s, in packets; they begin within a moment.
  CHECK(report.bound.seconds() == Approx(8 * 67108864.0 * 1514 / 1448 / 12.5e6).margin(0.1));
  CHECK(report.efficiency > 0.85);
  CHECK(report.efficiency <= 1);
  CHECK(seconds_until(report, 0) == report.finish_times.front());
  CHECK(seconds_until(report, 0.5) == report.finish_times[3]);
  CHECK(seconds_until(report, 0.95) == report.last_seconds);
  CHECK(predict(options, grain, 3).report.finish_times == report.finish_times);
  CHECK(predict(options, grain, 4).report.finish_times != report.finish_times);
}

TEST_CASE("a scaled prediction is near the exact one", "[sim][rollout]") {
  RolloutOptions options = question();
  options.peers = 12;
  options.size = 192 << 20;
  options.up = options.down = options.seed_up = mbit(100);
  const Report exact = predict(options, choose_grain(options), 1).report;
  for (const std::uint64_t blocks : {60'000ull, 30'000ull}) {
    const Grain grain = choose_grain(options, blocks);
    REQUIRE_FALSE(grain.exact);
    const Report scaled = predict(options, grain, 1).report;
    CAPTURE(blocks, grain.rate, grain.time, exact.last_seconds, scaled.last_seconds);
    CHECK(scaled.bound.seconds() == Approx(exact.bound.seconds()).epsilon(0.01));
    CHECK(scaled.last_seconds == Approx(exact.last_seconds).epsilon(0.1));
    CHECK(scaled.mean_seconds == Approx(exact.mean_seconds).epsilon(0.1));
  }
}

TEST_CASE("peers that come over time finish after they came", "[sim][rollout]") {
  RolloutOptions options = question();
  options.arrivals = std::chrono::minutes(5);
  options.leave = true;
  const Report report = predict(options, choose_grain(options), 1).report;
  CHECK(report.finished == 8);
  CHECK(report.last_seconds > 5 * 60 * 7 / 8);
  CHECK(report.last_seconds < 5 * 60 + 60);
  CHECK(report.mean_seconds < 60);
}

TEST_CASE("plain copying takes as long as all copies over the seeds' uplinks", "[sim][rollout]") {
  RolloutOptions options = question();
  const double copy = 67108864.0 * 1514 / 1448 / 2.5e6;
  CHECK(plain_copy_seconds(options) == Approx(8 * copy));
  options.seeds = 2;
  CHECK(plain_copy_seconds(options) == Approx(4 * copy));
  options.arrivals = std::chrono::hours(1);
  CHECK(plain_copy_seconds(options) == Approx(3600 + copy));
}

TEST_CASE("a prediction ends when it is told to", "[sim][rollout]") {
  const RolloutOptions options = question();
  std::vector<double> shares;
  const Prediction stopped = predict(options, choose_grain(options), 1, [&](double share) {
    shares.push_back(share);
    return shares.size() < 3;
  });
  CHECK(stopped.stopped);
  REQUIRE(shares.size() == 3);
  CHECK(shares[0] >= 0);
  CHECK(shares[0] < shares[2]);
  CHECK(shares[2] < 1);
}

TEST_CASE("a drawing has a curve for each run, and no words break it", "[sim][rollout]") {
  Report report;
  report.peers = 2;
  report.bound.seeds = 8000;
  report.finish_times = {9000, 10'000};
  report.last_seconds = 10'000;
  const Report runs[] = {report, report, report};
  const std::string svg = curves_svg(runs, "a < b & c", 100'000);
  std::size_t curves = 0;
  for (std::size_t at = svg.find("<polyline"); at != std::string::npos;
       at = svg.find("<polyline", at + 1))
    ++curves;
  CHECK(curves == 3);
  CHECK(svg.find("a &lt; b &amp; c") != std::string::npos);
  CHECK(svg.find("bound 133.3 min") != std::string::npos);
  CHECK(svg.find("one copy after the other: 27.8 h") != std::string::npos);
  CHECK(svg.ends_with("</svg>\n"));
  // Without a soul who finished there is a drawing, too.
  CHECK(curve_svg(Report{}, "nobody").find("nan") == std::string::npos);
}

}  // namespace
}  // namespace barter::sim
