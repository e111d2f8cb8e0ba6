#include "dht/item.hpp"

#include <fmt/format.h>
#include <openssl/evp.h>

#include <memory>
#include <new>

#include "torrent/bencode.hpp"
#include "torrent/sha.hpp"

namespace barter::dht {

namespace {

using Key = std::unique_ptr<EVP_PKEY, decltype(&EVP_PKEY_free)>;
using Context = std::unique_ptr<EVP_MD_CTX, decltype(&EVP_MD_CTX_free)>;

Context new_context() {
  Context context(EVP_MD_CTX_new(), &EVP_MD_CTX_free);
  if (!context) throw std::bad_alloc();
  return context;
}

Key key_of_seed(const KeySeed& seed) {
  Key key(EVP_PKEY_new_raw_private_key(EVP_PKEY_ED25519, nullptr,
                                       reinterpret_cast<const unsigned char*>(seed.bytes.data()),
                                       seed.bytes.size()),
          &EVP_PKEY_free);
  if (!key) throw std::bad_alloc();
  return key;
}

const unsigned char* raw(std::string_view text) {
  return reinterpret_cast<const unsigned char*>(text.data());
}

// What is signed: put together by hand, so that no parser stands between.
std::string signed_text(const Item& item) {
  std::string out;
  if (!item.salt.empty()) out = fmt::format("4:salt{}:{}", item.salt.size(), item.salt);
  out += fmt::format("3:seqi{}e1:v", item.sequence);
  return out + item.value;
}

}  // namespace

NodeId target_of(std::string_view value) {
  return {sha1(as_bytes(value)).bytes};
}

NodeId target_of(const PublicKey& key, std::string_view salt) {
  Sha1 hash;
  hash.update(key.bytes);
  hash.update(as_bytes(salt));
  return {hash.finish().bytes};
}

NodeId target_of(const Item& item) {
  return item.key ? target_of(*item.key, item.salt) : target_of(item.value);
}

std::optional<std::int64_t> fault_of(const Item& item) {
  if (item.value.size() > max_value_bytes) return error_code::value_too_big;
  if (item.salt.size() > max_salt_bytes) return error_code::salt_too_big;
  bencode::Limits limits;
  limits.bytes = max_value_bytes;
  limits.strict = true;
  if (!bencode::parse(item.value, limits)) return error_code::protocol;
  if (item.key && item.sequence < 0) return error_code::protocol;
  if (item.key && !verify(item)) return error_code::invalid_signature;
  return std::nullopt;
}

std::optional<Item> item_of(const ItemFields& fields, std::string_view salt) {
  if (fields.value.empty()) return std::nullopt;
  Item out;
  out.value = fields.value;
  if (!fields.key) return out;
  if (!fields.signature || !fields.sequence) return std::nullopt;
  out.key = fields.key;
  out.signature = *fields.signature;
  out.sequence = *fields.sequence;
  out.salt = salt;
  return out;
}

ItemFields fields_of(const Item& item) {
  ItemFields out;
  out.value = item.value;
  if (!item.key) return out;
  out.key = item.key;
  out.signature = item.signature;
  out.sequence = item.sequence;
  out.salt = item.salt;
  return out;
}

PublicKey public_key(const KeySeed& seed) {
  PublicKey out;
  std::size_t size = out.bytes.size();
  EVP_PKEY_get_raw_public_key(key_of_seed(seed).get(),
                              reinterpret_cast<unsigned char*>(out.bytes.data()), &size);
  return out;
}

Item sign_item(const KeySeed& seed, std::string value, std::int64_t sequence, std::string salt) {
  Item out;
  out.value = std::move(value);
  out.key = public_key(seed);
  out.sequence = sequence;
  out.salt = std::move(salt);
  const std::string text = signed_text(out);
  const Key key = key_of_seed(seed);
  const Context context = new_context();
  std::size_t size = out.signature.bytes.size();
  if (EVP_DigestSignInit(context.get(), nullptr, nullptr, nullptr, key.get()) != 1 ||
      EVP_DigestSign(context.get(), reinterpret_cast<unsigned char*>(out.signature.bytes.data()),
                     &size, raw(text), text.size()) != 1)
    throw std::bad_alloc();  // nothing else can fail here
  return out;
}

bool verify(const Item& item) {
  if (!item.key) return false;
  const Key key(
      EVP_PKEY_new_raw_public_key(EVP_PKEY_ED25519, nullptr,
                                  reinterpret_cast<const unsigned char*>(item.key->bytes.data()),
                                  item.key->bytes.size()),
      &EVP_PKEY_free);
  if (!key) return false;
  const std::string text = signed_text(item);
  const Context context = new_context();
  return EVP_DigestVerifyInit(context.get(), nullptr, nullptr, nullptr, key.get()) == 1 &&
         EVP_DigestVerify(context.get(),
                          reinterpret_cast<const unsigned char*>(item.signature.bytes.data()),
                          item.signature.bytes.size(), raw(text), text.size()) == 1;
}

}  // namespace barter::dht
