// Metainfo::load: the one place of the vocabulary that opens a file.
#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <utility>

#include "torrent/escape.hpp"
#include "torrent/metainfo.hpp"

namespace barter {
namespace {

Error file_error(const std::string& path, int number) {
  Errc code = Errc::io_error;
  if (number == ENOENT || number == ENOTDIR) code = Errc::not_found;
  if (number == EACCES || number == EPERM) code = Errc::permission_denied;
  return Error{code, fmt::format("cannot read {}: {}", escape(path), std::strerror(number))};
}

// The whole file, if it has at most `limit` bytes. Not trusting its size, for pipes have none.
Result<std::string> read_file(const std::string& path, std::size_t limit) {
  const int descriptor = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (descriptor < 0) return file_error(path, errno);
  std::string out;
  int failure = 0;
  for (;;) {
    constexpr std::size_t step = 256 * 1024;
    const std::size_t size = out.size();
    out.resize(size + step);
    const ssize_t count = ::read(descriptor, out.data() + size, step);
    out.resize(size + static_cast<std::size_t>(std::max<ssize_t>(count, 0)));
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) failure = errno;
    if (count <= 0 || out.size() > limit) break;
  }
  ::close(descriptor);
  if (failure != 0) return file_error(path, failure);
  if (out.size() > limit) {
    return Error{
        Errc::invalid_metainfo,
        fmt::format("{}: larger than the {} bytes allowed for a torrent", escape(path), limit)};
  }
  return out;
}

}  // namespace

Result<std::shared_ptr<const Metainfo>> Metainfo::load(const std::string& path,
                                                       const MetainfoLimits& limits) {
  auto bytes = read_file(path, limits.bytes);
  if (!bytes) return bytes.error();
  auto parsed = parse(std::move(*bytes), limits);
  if (!parsed) {
    return Error{parsed.error().code, fmt::format("{}: {}", escape(path), parsed.error().message)};
  }
  return parsed;
}

}  // namespace barter
