// DhtKey: whose a mutable item of the DHT is (BEP 44): an ed25519 key pair in a file, as OpenSSL
// keeps it (PEM, not encrypted). A value type; whoever has the file may change the item.
#pragma once

#include <string>

#include "torrent/digest.hpp"
#include "torrent/result.hpp"

namespace barter {

class DhtKey {
 public:
  // Errors: those of reading; invalid_argument, where it holds no such key. `openssl genpkey
  // -algorithm ed25519` makes one, too.
  static Result<DhtKey> load(const std::string& path);
  // A new one, in a new file that only its owner may read. Errors:
  // already_exists, and those of writing.
  static Result<DhtKey> create(const std::string& path);

  // The 32 bytes of which the pair is made: the secret.
  using Seed = FixedBytes<32, struct DhtSeedTag>;
  const Seed& seed() const { return seed_; }

 private:
  explicit DhtKey(const Seed& seed) : seed_(seed) {}
  Seed seed_;
};

}  // namespace barter
