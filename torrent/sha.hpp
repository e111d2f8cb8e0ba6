// Streaming SHA-1 and SHA-256 over OpenSSL's EVP, which uses the CPU's SHA instructions. Resource
// types: one owner, one thread at a time, reusable after finish().
#pragma once

#include <cstddef>
#include <memory>
#include <span>

#include "torrent/digest.hpp"

struct evp_md_ctx_st;

namespace barter {

class Sha1 {
 public:
  Sha1();
  ~Sha1();
  Sha1(Sha1&&) noexcept;
  Sha1& operator=(Sha1&&) noexcept;
  void update(std::span<const std::byte> bytes);
  Sha1Digest finish();  // the digest of all bytes since construction or the last finish()
 private:
  evp_md_ctx_st* context_;
};

class Sha256 {
 public:
  Sha256();
  ~Sha256();
  Sha256(Sha256&&) noexcept;
  Sha256& operator=(Sha256&&) noexcept;
  void update(std::span<const std::byte> bytes);
  Sha256Digest finish();
 private:
  evp_md_ctx_st* context_;
};

Sha1Digest sha1(std::span<const std::byte> bytes);
Sha256Digest sha256(std::span<const std::byte> bytes);

}  // namespace barter
