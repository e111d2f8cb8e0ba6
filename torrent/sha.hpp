// Streaming SHA-1 and SHA-256 over OpenSSL's EVP, which uses the CPU's SHA instructions. Resource
// types: one owner, one thread at a time, reusable after finish().
#pragma once

#include <cstddef>
#include <memory>
#include <span>

#include "torrent/digest.hpp"

struct evp_md_ctx_st;

namespace barter {

template <class Digest>
class Sha {
 public:
  Sha();
  void update(std::span<const std::byte> bytes);
  Digest finish();  // the digest of all bytes since construction or the last finish()

 private:
  struct Free {
    void operator()(evp_md_ctx_st* context) const;
  };
  std::unique_ptr<evp_md_ctx_st, Free> context_;
};
using Sha1 = Sha<Sha1Digest>;
using Sha256 = Sha<Sha256Digest>;
extern template class Sha<Sha1Digest>;
extern template class Sha<Sha256Digest>;

Sha1Digest sha1(std::span<const std::byte> bytes);
Sha256Digest sha256(std::span<const std::byte> bytes);

}  // namespace barter
