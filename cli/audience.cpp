#include "cli/audience.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "cli/copies_memory.hpp"
#include "cli/torrent_source.hpp"

namespace barter::cli {
namespace {

using std::chrono::steady_clock;
using std::chrono::system_clock;

constexpr auto save_interval = std::chrono::seconds(1);

}  // namespace

Audience::Audience(std::shared_ptr<const Metainfo> metainfo, std::string state_folder,
                   const ExpectedHosts* expected, Output& output)
    : metainfo_(std::move(metainfo)),
      state_folder_(std::move(state_folder)),
      expected_(expected),
      output_(output),
      began_(system_clock::now()),
      copies_(metainfo_->layout().piece_count()) {
  const auto before = recall_copies(state_folder_, metainfo_->info_hash().wire());
  if (!before) return;
  began_ = before->began;
  copies_.restore(before->copies);
  if (copies_.count() == 0) return;
  output_.message(fmt::format("{}: {} cop{} known from earlier runs", metainfo_->name(),
                              copies_.count(), copies_.count() == 1 ? "y is" : "ies are"));
  for (const Copy& copy : copies_.copies()) tell(copy, true);
}

void Audience::saw_link(const PeerProgress& peer) {
  const std::uint16_t port = peer.outgoing ? peer.remote.port : std::uint16_t{0};
  if (copies_.saw_link(peer.peer_id, peer.remote.address, peer.pieces, peer.uploaded, port,
                       system_clock::now())) {
    tell(copies_.copies().back(), false);
  }
}

bool Audience::heard(const Word& word) {
  const auto now = system_clock::now();
  bool more = copies_.heard(word.peer_id, word.from, now);
  if (word.completed) {
    more = copies_.heard_completed(word.peer_id, word.from.address, now) || more;
  }
  if (more) tell(copies_.copies().back(), false);
  changed_ = changed_ || more;
  return !more && word.has_all && copies_.worth_a_call(word.peer_id, word.from);
}

void Audience::tell(const Copy& copy, bool remembered) {
  const std::string at =
      copy.port == 0 ? to_string(copy.address) : to_string(Endpoint{copy.address, copy.port});
  boost::json::object fields = torrent_fields(*metainfo_);
  fields["address"] = at;
  fields["peer_id"] = to_hex(copy.id);
  fields["completed"] = format_time(copy.since);
  fields["seconds"] = seconds_of(copy);
  fields["copies"] = copies_.count();
  fields["remembered"] = remembered;
  output_.event("peer_complete", std::move(fields));
  if (remembered) return;
  changed_ = true;
  output_.message(fmt::format("{} has all of {} ({} cop{})", at, metainfo_->name(), copies_.count(),
                              copies_.count() == 1 ? "y" : "ies"));
}

void Audience::save(bool now) {
  if (!changed_ || save_failed_) return;
  const auto time = steady_clock::now();
  if (!now && time - saved_ < save_interval) return;
  saved_ = time;
  changed_ = false;
  const auto saved =
      remember_copies(state_folder_, metainfo_->info_hash().wire(), {began_, copies_.copies()});
  if (saved) return;
  save_failed_ = true;  // told once
  output_.warning(fmt::format("{}: who has it is not remembered: {}", metainfo_->name(),
                              saved.error().message));
}

double Audience::seconds_of(const Copy& copy) const {
  return std::max(0.0, std::chrono::duration<double>(copy.since - began_).count());
}

std::vector<std::string> Audience::missing() const {
  std::vector<std::string> out;
  if (expected_ == nullptr) return out;
  const auto found = expected_->found_among(copies_.copies());
  for (std::size_t i = 0; i < found.size(); ++i) {
    if (found[i] == nullptr) out.push_back(expected_->names()[i]);
  }
  return out;
}

std::vector<double> Audience::seconds() const {
  std::vector<double> out;
  if (expected_ != nullptr) {
    for (const Copy* copy : expected_->found_among(copies_.copies())) {
      if (copy != nullptr) out.push_back(seconds_of(*copy));
    }
  } else {
    for (const Copy& copy : copies_.copies()) out.push_back(seconds_of(copy));
  }
  return out;
}

double percentile(std::vector<double> values, double hundredths) {
  if (values.empty()) return 0;
  std::sort(values.begin(), values.end());
  const double rank = std::ceil(hundredths / 100 * static_cast<double>(values.size()));
  const auto at = static_cast<std::size_t>(std::max(1.0, rank));
  return values[std::min(at, values.size()) - 1];
}

}  // namespace barter::cli
