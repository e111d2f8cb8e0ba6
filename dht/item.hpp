// Item: a small value kept by the DHT (BEP 44). Immutable: found by its SHA-1. Mutable: found by
// the hash of a public key and a salt, signed with ed25519, the highest sequence number wins.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "dht/krpc.hpp"
#include "torrent/result.hpp"

namespace barter::dht {

inline constexpr std::size_t max_value_bytes = 1000;
inline constexpr std::size_t max_salt_bytes = 64;

struct Item {
  std::string value;  // one bencoded value
  // A mutable item has these, too.
  std::optional<PublicKey> key;
  Signature signature;
  std::int64_t sequence = 0;
  std::string salt;
  friend bool operator==(const Item&, const Item&) = default;
};

// Where an item lies: immutable by its value, mutable by key and salt.
NodeId target_of(std::string_view value);
NodeId target_of(const PublicKey& key, std::string_view salt);
NodeId target_of(const Item& item);

// Nothing, or why nobody should store it: an error_code.
std::optional<std::int64_t> fault_of(const Item& item);
// The item that travelled, or nothing if a mutable one lacks
// something. Its fault is not looked for.
std::optional<Item> item_of(const ItemFields& fields, std::string_view salt);
ItemFields fields_of(const Item& item);  // views into the item

// The 32 bytes from which an ed25519 key pair is made: a secret.
using KeySeed = FixedBytes<32, struct KeySeedTag>;
PublicKey public_key(const KeySeed& seed);
Item sign_item(const KeySeed& seed, std::string value, std::int64_t sequence, std::string salt);
bool verify(const Item& item);

}  // namespace barter::dht
