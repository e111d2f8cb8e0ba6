// Audience: who has what a share gives, of one torrent: counts them, tells of each, remembers them
// over restarts, and says at the end when they had it and who is missing. One thread; reads and
// writes the state.
#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "cli/copies.hpp"
#include "cli/expected_hosts.hpp"
#include "cli/output.hpp"
#include "client/client.hpp"
#include "torrent/metainfo.hpp"

namespace barter::cli {

// What the tracker of the share hears from a peer.
struct Word {
  WireInfoHash info_hash;
  PeerId peer_id;
  Endpoint from;           // its source address and the port that it names
  bool completed = false;  // for the first time
  bool has_all = false;    // so it says
};

class Audience {
 public:
  // `expected`: null for none; outlives this, as `output` does.
  Audience(std::shared_ptr<const Metainfo> metainfo, std::string state_folder,
           const ExpectedHosts* expected, Output& output);

  void saw_link(const PeerProgress& peer);
  // True: it should be called, to see for ourselves.
  bool heard(const Word& word);
  // Writes down what has changed, if it is time; `now`: in any case.
  void save(bool now);

  std::size_t count() const { return copies_.count(); }
  // Of the expected ones, those who have not got it.
  std::vector<std::string> missing() const;
  // Since it was first shared, of each that has it; of the expected
  // ones only, where there are such.
  std::vector<double> seconds() const;

 private:
  void tell(const Copy& copy, bool remembered);
  double seconds_of(const Copy& copy) const;

  const std::shared_ptr<const Metainfo> metainfo_;
  const std::string state_folder_;
  const ExpectedHosts* const expected_;
  Output& output_;
  std::chrono::system_clock::time_point began_;
  Copies copies_;
  bool changed_ = false, save_failed_ = false;
  std::chrono::steady_clock::time_point saved_{};
};

// The one below which so many hundredths of them are (nearest rank). None of them: 0.
double percentile(std::vector<double> values, double hundredths);

}  // namespace barter::cli
