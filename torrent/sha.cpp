#include "torrent/sha.hpp"

#include <openssl/evp.h>

#include <stdexcept>
#include <utility>

namespace barter {
namespace {

// Fetching walks OpenSSL's providers under a lock; once a process is enough.
const EVP_MD* fetch(const char* name) {
  const EVP_MD* algorithm = EVP_MD_fetch(nullptr, name, nullptr);
  if (algorithm == nullptr) throw std::runtime_error(std::string("OpenSSL offers no ") + name);
  return algorithm;
}

const EVP_MD* sha1_algorithm() {
  static const EVP_MD* const algorithm = fetch("SHA1");
  return algorithm;
}

const EVP_MD* sha256_algorithm() {
  static const EVP_MD* const algorithm = fetch("SHA256");
  return algorithm;
}

// OpenSSL's digests fail for lack of memory only, which is reported like any failed allocation.
void require(int success) {
  if (success != 1) throw std::bad_alloc();
}

EVP_MD_CTX* make_context(const EVP_MD* algorithm) {
  EVP_MD_CTX* context = EVP_MD_CTX_new();
  require(context != nullptr ? 1 : 0);
  if (EVP_DigestInit_ex2(context, algorithm, nullptr) != 1) {
    EVP_MD_CTX_free(context);
    throw std::bad_alloc();
  }
  return context;
}

template <class Digest>
Digest finish_context(EVP_MD_CTX* context) {
  Digest out;
  require(EVP_DigestFinal_ex(context, reinterpret_cast<unsigned char*>(out.bytes.data()), nullptr));
  require(EVP_DigestInit_ex2(context, nullptr, nullptr));
  return out;
}

template <class Digest>
Digest digest_of(std::span<const std::byte> bytes, const EVP_MD* algorithm) {
  Digest out;
  require(EVP_Digest(bytes.data(), bytes.size(), reinterpret_cast<unsigned char*>(out.bytes.data()),
                     nullptr, algorithm, nullptr));
  return out;
}

}  // namespace

Sha1::Sha1() : context_(make_context(sha1_algorithm())) {}
Sha1::~Sha1() {
  EVP_MD_CTX_free(context_);
}
Sha1::Sha1(Sha1&& other) noexcept : context_(std::exchange(other.context_, nullptr)) {}
Sha1& Sha1::operator=(Sha1&& other) noexcept {
  std::swap(context_, other.context_);
  return *this;
}
void Sha1::update(std::span<const std::byte> bytes) {
  require(EVP_DigestUpdate(context_, bytes.data(), bytes.size()));
}
Sha1Digest Sha1::finish() {
  return finish_context<Sha1Digest>(context_);
}

Sha256::Sha256() : context_(make_context(sha256_algorithm())) {}
Sha256::~Sha256() {
  EVP_MD_CTX_free(context_);
}
Sha256::Sha256(Sha256&& other) noexcept : context_(std::exchange(other.context_, nullptr)) {}
Sha256& Sha256::operator=(Sha256&& other) noexcept {
  std::swap(context_, other.context_);
  return *this;
}
void Sha256::update(std::span<const std::byte> bytes) {
  require(EVP_DigestUpdate(context_, bytes.data(), bytes.size()));
}
Sha256Digest Sha256::finish() {
  return finish_context<Sha256Digest>(context_);
}

Sha1Digest sha1(std::span<const std::byte> bytes) {
  return digest_of<Sha1Digest>(bytes, sha1_algorithm());
}
Sha256Digest sha256(std::span<const std::byte> bytes) {
  return digest_of<Sha256Digest>(bytes, sha256_algorithm());
}

}  // namespace barter
