// What `simulate` tells a person: the question, the table of the answer, what limits.
#pragma once

#include "sim/rollout.hpp"

#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace barter::cli {

// "50 peers (up 1 Gbit/s, down 1 Gbit/s) fetch 93.1 GiB from 1 seed (up 1 Gbit/s)"; with `details`
// the round trip and what else was asked for.
std::string question_text(const sim::RolloutOptions& options, bool details);
// Of the bound's terms, those that are within a hundredth of the
// greatest: seeds, downlink, uplinks.
std::vector<std::string_view> limits_of(const sim::Bound& bound);
// Lines; of the runs, at least one, the first is shown, the others give the range.
std::vector<std::string> rollout_table(const sim::RolloutOptions& options, const sim::Grain& grain,
                                       std::span<const sim::Prediction> runs);

}  // namespace barter::cli
