#include "client/swarm/config.hpp"

namespace barter {

namespace {

struct Relation {
  bool holds;
  const char* text;
};

}  // namespace

std::string fault(const SwarmConfig& c) {
  const Relation relations[] = {
      {c.max_connections > 0, "max_connections is 0"},
      {c.keep_alive_after < c.closed_after,
       "a peer closes what is silent before our keep-alive comes (closed_after)"},
      {c.reconnect_min <= c.reconnect_max, "reconnect_min is more than reconnect_max"},
      {c.trackers_first <= c.trackers_first_max, "trackers_first is more than its maximum"},
      {c.min_requests > 0, "min_requests is 0"},
      {c.min_requests <= c.first_requests, "first_requests is less than min_requests"},
      {c.first_requests <= c.usual_requests, "first_requests is more than usual_requests"},
      {c.usual_requests <= c.max_requests, "usual_requests is more than max_requests"},
      {c.spill_large_after <= c.spill_after, "large pieces are spilled later than others"},
      {c.block_timeout_min <= c.block_timeout_max, "block_timeout_min is more than its maximum"},
      {c.unserved_pause_min <= c.unserved_pause_max, "unserved_pause_min is more than its maximum"},
      {c.upload_slots_max > 0, "upload_slots_max is 0: upload_limit 0 is for that"},
      {c.trial_pause_min <= c.trial_pause_max, "trial_pause_min is more than its maximum"},
      {c.ban_min <= c.ban_max, "ban_min is more than ban_max"},
      {c.announce_interval_min <= c.announce_interval_max,
       "announce_interval_min is more than its maximum"},
      {c.announce_retry_min <= c.announce_retry_max, "announce_retry_min is more than its maximum"},
      {c.lonely_interval_min <= c.lonely_interval_max,
       "lonely_interval_min is more than its maximum"},
  };
  for (const Relation& relation : relations) {
    if (!relation.holds) return relation.text;
  }
  return {};
}

}  // namespace barter
