// Metainfo::load: the one place of the vocabulary that opens a file.
#include <fmt/format.h>

#include <utility>

#include "torrent/escape.hpp"
#include "torrent/metainfo.hpp"
#include "torrent/write_file.hpp"

namespace barter {

Result<std::shared_ptr<const Metainfo>> Metainfo::load(const std::string& path,
                                                       const MetainfoLimits& limits) {
  auto bytes = read_file(path, limits.bytes);
  if (!bytes) return Error{bytes.error().code, "cannot read " + bytes.error().message};
  auto parsed = parse(std::move(*bytes), limits);
  if (!parsed) {
    return Error{parsed.error().code, fmt::format("{}: {}", escape(path), parsed.error().message)};
  }
  return parsed;
}

}  // namespace barter
