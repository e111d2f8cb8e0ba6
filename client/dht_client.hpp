// DhtClient: a node of the DHT for a person's questions: no torrents, no peers, no Asio visible.
// Its calls wait for the answer; from any thread. It asks and does not answer (BEP 43).
#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "client/dht_key.hpp"
#include "torrent/digest.hpp"
#include "torrent/endpoint.hpp"
#include "torrent/result.hpp"

namespace barter {

struct DhtClientOptions {
  std::uint16_t port = 0;           // UDP; 0: any
  std::vector<Address> addresses;   // of ours; empty: all
  std::vector<HostPort> bootstrap;  // whom to ask first; empty: the well-known routers
  // Where barter keeps its table: read, and written where no other barter is that node. "": none.
  std::string state_folder;
};

struct DhtFamilyStatus {
  bool enabled = false;
  std::string id;  // hexadecimal
  std::size_t nodes = 0, good_nodes = 0;
  bool bootstrapped = false;
  std::optional<Address> external;  // as whom others see us
  double network_estimate = 0;      // nodes in all
};

struct DhtStatus {
  DhtFamilyStatus v4, v6;
};

// A mutable item to be stored: a string that the key's owner may replace later.
struct DhtMutableItem {
  std::string text;
  DhtKey key;
  std::string salt;  // at most 64 bytes; of one key's several items
  // The highest sequence number wins. None: one more than that of what is there, or the same if
  // that is the same text, which keeps it alive.
  std::optional<std::int64_t> sequence;
  // Store it only in place of the item of this sequence number.
  std::optional<std::int64_t> replaces;
};

// What came of a question. `ok`: somebody answered, or, to store something, stored it.
struct DhtAnswer {
  bool ok = false;
  std::string failure;                               // why not, in one line
  std::uint32_t asked = 0, answers = 0, stored = 0;  // nodes
  std::chrono::milliseconds took{};
  std::vector<Endpoint> peers;           // find_peers
  std::optional<std::string> value;      // get: as bencoded as it was stored
  std::optional<std::int64_t> sequence;  // get and put: of a mutable item
  std::string target;                    // put: where the item lies, hexadecimal
  std::string public_key;                // put: of a mutable item, hexadecimal
  std::string id, version;               // ping: of the node; the version may be any bytes
  std::optional<Endpoint> seen_as;       // ping: as whom it sees us
};

class DhtClient {
 public:
  // Binds; asks nobody yet. Errors: network.
  static Result<std::unique_ptr<DhtClient>> start(DhtClientOptions options);
  ~DhtClient();  // saves the table

  // After it has looked around, for `patience` at most.
  DhtStatus status(std::chrono::milliseconds patience);
  DhtAnswer ping(const HostPort& node, std::chrono::milliseconds patience);
  DhtAnswer find_peers(const WireInfoHash& info_hash, std::chrono::milliseconds patience);
  // `target`: 40 hexadecimal digits; `salt` only of a mutable item.
  DhtAnswer get(const std::string& target, const std::string& salt,
                std::chrono::milliseconds patience);
  // An immutable item: a string.
  DhtAnswer put(const std::string& text, std::chrono::milliseconds patience);
  // `patience` is for looking what is there, and again for storing.
  DhtAnswer put(const DhtMutableItem& item, std::chrono::milliseconds patience);

 private:
  class Impl;
  explicit DhtClient(std::unique_ptr<Impl> impl);
  // Which sequence number to give to it, or why there is none.
  Result<std::int64_t> next_sequence(const DhtMutableItem& item, const std::string& target,
                                     const std::string& value, std::chrono::milliseconds patience);
  std::unique_ptr<Impl> impl_;
};

// The routers that stock clients begin at.
const std::vector<HostPort>& well_known_dht_routers();

}  // namespace barter
