// The report as a table and as JSON; the curve is in curve.cpp.
#include <algorithm>
#include <boost/json.hpp>
#include <iterator>

#include <fmt/format.h>

#include "sim/report.hpp"

namespace barter::sim {

namespace {
using Out = std::back_insert_iterator<std::string>;

void put_times(Out out, const Report& r) {
  fmt::format_to(
      out, "peers       {} of {} finished; last {:.2f} s, median {:.2f}, p99 {:.2f}, mean {:.2f}\n",
      r.finished, r.peers, r.last_seconds, r.median_seconds, r.p99_seconds, r.mean_seconds);
  fmt::format_to(
      out,
      "bound       {:.2f} s (seeds' uplinks {:.2f}, slowest downlink {:.2f}, all uplinks {:.2f})\n",
      r.bound.seconds(), r.bound.seeds, r.bound.downlink, r.bound.uplinks);
  fmt::format_to(out, "efficiency  {:.3f} (last peer {:.3f} x the bound), mean {:.3f}\n",
                 r.efficiency, r.efficiency > 0 ? 1 / r.efficiency : 0, r.mean_efficiency);
  if (r.copied_seconds > 0)
    fmt::format_to(out, "seeds       one copy is out after {:.2f} s; they sent {:.2f} copies\n",
                   r.copied_seconds, r.seeds_sent);
  fmt::format_to(out, "waste       {:.2f} % of what was received; {:.1f} haves for each piece\n",
                 100 * r.wasted, r.haves);
  fmt::format_to(out, "fairness    {:.3f} (Jain's index of download speed for uplink given)\n",
                 r.fairness);
  if (r.riders > 0)
    fmt::format_to(out, "free-riders {} held {:.1f} % when the mean honest peer had finished\n",
                   r.riders, 100 * r.rider_share);
  if (r.liars > 0 || r.bans > 0)
    fmt::format_to(
        out,
        "liars       {} of {} banned; {} pieces failed, {} at one honest peer; {} bans in all\n",
        r.liars_banned, r.liars, r.failed_pieces, r.failed_most, r.bans);
}

void put_uplinks(Out out, const Report& r) {
  const UplinkReport* columns[] = {&r.seeds, &r.peers_before, &r.peers_after};
  const auto row = [&](std::string_view name, auto value, bool always) {
    double sum = 0;
    for (const UplinkReport* one : columns) sum += value(*one);
    if (sum < 0.0005 && !always) return;
    fmt::format_to(out, "  {:<24}", name);
    for (const UplinkReport* one : columns) fmt::format_to(out, "{:>10.1f} %", 100 * value(*one));
    fmt::format_to(out, "\n");
  };
  fmt::format_to(out, "uplinks                   {:>12}{:>12}{:>12}\n", "seeds", "peers",
                 "peers, done");
  row(
      "used: blocks", [](const UplinkReport& one) { return one.blocks; }, true);
  row(
      "used: other messages", [](const UplinkReport& one) { return one.control; }, false);
  row(
      "used: packet headers", [](const UplinkReport& one) { return one.headers; }, false);
  for (std::size_t i = 0; i < idle_reasons; ++i)
    row(
        fmt::format("idle: {}", to_string(static_cast<Idle>(i))),
        [i](const UplinkReport& one) { return one.idle[i]; }, false);
}

void put_groups(Out out, const Report& r) {
  fmt::format_to(out, "  {:<14}{:>7}{:>10}{:>11}{:>11}{:>22}{:>13}\n", "group", "peers", "finished",
                 "mean s", "last s", "sent when finished", "sent at end");
  for (const GroupReport& group : r.groups)
    fmt::format_to(out, "  {:<14}{:>7}{:>10}{:>11.2f}{:>11.2f}{:>22.2f}{:>13.2f}\n", group.name,
                   group.peers, group.finished, group.mean_seconds, group.last_seconds,
                   group.sent_at_finish, group.sent);
}

boost::json::object uplink_json(const UplinkReport& one) {
  boost::json::object idle;
  for (std::size_t i = 0; i < idle_reasons; ++i) {
    std::string key(to_string(static_cast<Idle>(i)));
    std::replace(key.begin(), key.end(), ' ', '_');
    idle[key] = one.idle[i];
  }
  return {{"capacity_bytes", one.capacity_bytes},
          {"blocks", one.blocks},
          {"control", one.control},
          {"headers", one.headers},
          {"idle", std::move(idle)}};
}
}  // namespace

std::string to_text(const Report& report) {
  std::string text;
  put_times(std::back_inserter(text), report);
  put_uplinks(std::back_inserter(text), report);
  put_groups(std::back_inserter(text), report);
  return text;
}

std::string to_json(const Report& r) {
  boost::json::array groups;
  for (const GroupReport& group : r.groups)
    groups.push_back(boost::json::object{{"name", group.name},
                                         {"peers", group.peers},
                                         {"finished", group.finished},
                                         {"mean_seconds", group.mean_seconds},
                                         {"last_seconds", group.last_seconds},
                                         {"sent_at_finish", group.sent_at_finish},
                                         {"sent", group.sent}});
  const boost::json::object out{
      {"peers", r.peers},
      {"finished", r.finished},
      {"size", r.size},
      {"bound_seconds", r.bound.seconds()},
      {"bound",
       boost::json::object{
           {"seeds", r.bound.seeds}, {"downlink", r.bound.downlink}, {"uplinks", r.bound.uplinks}}},
      {"last_seconds", r.last_seconds},
      {"mean_seconds", r.mean_seconds},
      {"median_seconds", r.median_seconds},
      {"p99_seconds", r.p99_seconds},
      {"efficiency", r.efficiency},
      {"mean_efficiency", r.mean_efficiency},
      {"copied_seconds", r.copied_seconds},
      {"seeds_sent", r.seeds_sent},
      {"wasted", r.wasted},
      {"haves_per_piece", r.haves},
      {"fairness", r.fairness},
      {"riders", r.riders},
      {"rider_share", r.rider_share},
      {"failed_pieces", r.failed_pieces},
      {"failed_most", r.failed_most},
      {"liars", r.liars},
      {"liars_banned", r.liars_banned},
      {"bans", r.bans},
      {"events", r.events},
      {"uplinks", boost::json::object{{"seeds", uplink_json(r.seeds)},
                                      {"peers", uplink_json(r.peers_before)},
                                      {"done", uplink_json(r.peers_after)}}},
      {"groups", std::move(groups)},
  };
  return boost::json::serialize(out);
}

}  // namespace barter::sim
