#include "client/net/inflate.hpp"

#include <zlib.h>

#include <limits>
#include <vector>

namespace barter::net {

namespace {

constexpr int gzip_or_zlib = 15 + 32;  // window bits, and: find out which
constexpr std::size_t step = 64 * 1024;

struct Stream {
  z_stream z{};
  bool ready = ::inflateInit2(&z, gzip_or_zlib) == Z_OK;
  Stream() = default;
  Stream(const Stream&) = delete;
  Stream& operator=(const Stream&) = delete;
  ~Stream() {
    if (ready) ::inflateEnd(&z);
  }
};

Error bad_body(const char* what) {
  return Error{Errc::protocol, what};
}

}  // namespace

Result<std::string> inflate(std::string_view packed, std::size_t max_bytes) {
  Stream stream;
  if (!stream.ready || packed.size() > std::numeric_limits<uInt>::max()) {
    return bad_body("cannot inflate the body");
  }
  // zlib's input is not const, and not written to.
  stream.z.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(packed.data()));
  stream.z.avail_in = static_cast<uInt>(packed.size());
  std::string out;
  std::vector<char> room(step);
  while (true) {
    stream.z.next_out = reinterpret_cast<Bytef*>(room.data());
    stream.z.avail_out = static_cast<uInt>(room.size());
    const int result = ::inflate(&stream.z, Z_NO_FLUSH);
    const std::size_t got = room.size() - stream.z.avail_out;
    if (got > max_bytes - out.size()) return bad_body("the body is too long when inflated");
    out.append(room.data(), got);
    if (result == Z_STREAM_END) {
      const bool another = stream.z.avail_in >= 2 && stream.z.next_in[0] == 0x1f &&
                           stream.z.next_in[1] == 0x8b;  // one more gzip member
      if (!another) return out;
      if (::inflateReset(&stream.z) != Z_OK) return bad_body("cannot inflate the body");
      continue;
    }
    if (result != Z_OK && result != Z_BUF_ERROR) return bad_body("the body is not valid gzip");
    if (stream.z.avail_in == 0 && stream.z.avail_out > 0) return bad_body("the body is cut short");
  }
}

}  // namespace barter::net
