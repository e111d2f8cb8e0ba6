#include "torrent/sha.hpp"

#include <openssl/evp.h>

#include <new>
#include <stdexcept>

namespace barter {
namespace {

// Fetching walks OpenSSL's providers under a lock; once a process is enough.
const EVP_MD* fetch(const char* name) {
  const EVP_MD* algorithm = EVP_MD_fetch(nullptr, name, nullptr);
  if (algorithm == nullptr) throw std::runtime_error(std::string("OpenSSL offers no ") + name);
  return algorithm;
}

template <class Digest>
const EVP_MD* algorithm() {
  static const EVP_MD* const out = fetch(Digest::size == 20 ? "SHA1" : "SHA256");
  return out;
}

// OpenSSL's digests fail for lack of memory only, which is reported like any failed allocation.
void require(bool success) {
  if (!success) throw std::bad_alloc();
}

template <class Digest>
unsigned char* bytes_of(Digest& out) {
  return reinterpret_cast<unsigned char*>(out.bytes.data());
}

template <class Digest>
Digest digest_of(std::span<const std::byte> bytes) {
  Digest out;
  require(EVP_Digest(bytes.data(), bytes.size(), bytes_of(out), nullptr, algorithm<Digest>(),
                     nullptr) == 1);
  return out;
}

}  // namespace

template <class Digest>
void Sha<Digest>::Free::operator()(evp_md_ctx_st* context) const {
  EVP_MD_CTX_free(context);
}

template <class Digest>
Sha<Digest>::Sha() : context_(EVP_MD_CTX_new()) {
  require(context_ != nullptr);
  require(EVP_DigestInit_ex2(context_.get(), algorithm<Digest>(), nullptr) == 1);
}

template <class Digest>
void Sha<Digest>::update(std::span<const std::byte> bytes) {
  require(EVP_DigestUpdate(context_.get(), bytes.data(), bytes.size()) == 1);
}

template <class Digest>
Digest Sha<Digest>::finish() {
  Digest out;
  require(EVP_DigestFinal_ex(context_.get(), bytes_of(out), nullptr) == 1);
  require(EVP_DigestInit_ex2(context_.get(), nullptr, nullptr) == 1);
  return out;
}

template class Sha<Sha1Digest>;
template class Sha<Sha256Digest>;

Sha1Digest sha1(std::span<const std::byte> bytes) {
  return digest_of<Sha1Digest>(bytes);
}
Sha256Digest sha256(std::span<const std::byte> bytes) {
  return digest_of<Sha256Digest>(bytes);
}

}  // namespace barter
