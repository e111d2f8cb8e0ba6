#include "client/dht_key.hpp"

#include <fcntl.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <unistd.h>

#include <cerrno>
#include <memory>
#include <new>
#include <string_view>

#include "torrent/escape.hpp"
#include "torrent/write_file.hpp"

namespace barter {

namespace {

using Key = std::unique_ptr<EVP_PKEY, decltype(&EVP_PKEY_free)>;
using Memory = std::unique_ptr<BIO, decltype(&BIO_free)>;

constexpr std::size_t max_file_bytes = 64 << 10;

std::string pem_of(EVP_PKEY* key) {
  const Memory memory(BIO_new(BIO_s_mem()), &BIO_free);
  if (!memory ||
      PEM_write_bio_PrivateKey(memory.get(), key, nullptr, nullptr, 0, nullptr, nullptr) != 1)
    throw std::bad_alloc();  // nothing else can fail here
  char* bytes = nullptr;
  const long size = BIO_get_mem_data(memory.get(), &bytes);
  return {bytes, static_cast<std::size_t>(size)};
}

// Nobody is asked for a passphrase.
int no_passphrase(char*, int, int, void*) {
  return -1;
}

// write_file would make it as readable as any file.
Result<void> write_secret(const std::string& path, std::string_view text) {
  const int file = ::open(path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
  if (file < 0) return system_error(path, errno);
  const bool written =
      ::write(file, text.data(), text.size()) == static_cast<ssize_t>(text.size()) &&
      ::fsync(file) == 0;
  const int number = errno;
  ::close(file);
  if (written) return {};
  ::unlink(path.c_str());
  return system_error(path, number);
}

}  // namespace

Result<DhtKey> DhtKey::load(const std::string& path) {
  const auto text = read_file(path, max_file_bytes);
  if (!text) return text.error();
  const Memory memory(BIO_new_mem_buf(text->data(), static_cast<int>(text->size())), &BIO_free);
  if (!memory) throw std::bad_alloc();
  const Key key(PEM_read_bio_PrivateKey(memory.get(), nullptr, &no_passphrase, nullptr),
                &EVP_PKEY_free);
  Seed seed;
  std::size_t size = seed.bytes.size();
  if (!key || EVP_PKEY_get_id(key.get()) != EVP_PKEY_ED25519 ||
      EVP_PKEY_get_raw_private_key(key.get(), reinterpret_cast<unsigned char*>(seed.bytes.data()),
                                   &size) != 1 ||
      size != seed.bytes.size()) {
    return Error{Errc::invalid_argument,
                 escape(path) + ": no ed25519 key that needs no passphrase, in PEM"};
  }
  return DhtKey(seed);
}

Result<DhtKey> DhtKey::create(const std::string& path) {
  const Key key(EVP_PKEY_Q_keygen(nullptr, nullptr, "ED25519"), &EVP_PKEY_free);
  Seed seed;
  std::size_t size = seed.bytes.size();
  if (!key || EVP_PKEY_get_raw_private_key(
                  key.get(), reinterpret_cast<unsigned char*>(seed.bytes.data()), &size) != 1)
    return Error{Errc::io_error, "OpenSSL makes no ed25519 key"};
  if (auto written = write_secret(path, pem_of(key.get())); !written) return written.error();
  return DhtKey(seed);
}

}  // namespace barter
