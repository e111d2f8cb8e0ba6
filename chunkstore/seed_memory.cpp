#include "chunkstore/seed_memory.hpp"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <utility>

#include "torrent/bencode.hpp"
#include "torrent/siphash.hpp"
#include "torrent/write_file.hpp"

namespace barter {
namespace {

constexpr std::int64_t seeds_version = 1;
constexpr std::size_t max_seeds_bytes = 512 << 20;
constexpr std::size_t tokens_of_a_seed = 24;  // with some to spare

std::string seeds_path(const std::string& state_folder) {
  return state_folder + "/seeds";
}

bool comes_before(const SeedRecord& a, const SeedRecord& b) {
  return std::pair(a.info_hash, a.folder) < std::pair(b.info_hash, b.folder);
}

std::string to_bencode(std::span<const SeedRecord> seeds) {
  bencode::Writer out;
  out.begin_dictionary().key("seeds").begin_list();
  for (const SeedRecord& seed : seeds) {
    out.begin_dictionary();
    out.key("file system").integer(static_cast<std::int64_t>(seed.file_system));
    out.key("folder").string(seed.folder);
    out.key("info hash").string(as_text(seed.info_hash.bytes));
    out.key("looks").integer(static_cast<std::int64_t>(seed.looks));
    out.key("name").string(seed.name);
    out.key("size").integer(static_cast<std::int64_t>(seed.size));
    out.key("top").string(seed.top);
    out.key("used").integer(seed.used);
    out.end();
  }
  out.end().key("version").integer(seeds_version).end();
  return out.take();
}

std::optional<SeedRecord> seed_of(const bencode::Node& node) {
  SeedRecord out;
  const auto hash = node.find_string("info hash");
  const auto folder = node.find_string("folder");
  const auto name = node.find_string("name");
  const auto top = node.find_string("top");
  if (!hash || hash->size() != WireInfoHash::size || !folder || !name || !top) return std::nullopt;
  std::copy_n(as_bytes(*hash).begin(), WireInfoHash::size, out.info_hash.bytes.begin());
  out.folder = *folder;
  out.name = *name;
  out.top = *top;
  out.size = static_cast<std::uint64_t>(node.find_integer("size").value_or(0));
  out.file_system = static_cast<std::uint64_t>(node.find_integer("file system").value_or(0));
  out.looks = static_cast<std::uint64_t>(node.find_integer("looks").value_or(0));
  out.used = node.find_integer("used").value_or(0);
  return out;
}

// Who changes the file holds this.
class SeedsLock {
 public:
  explicit SeedsLock(const std::string& path)
      : descriptor_(::open((path + ".lock").c_str(),
                           O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK, 0600)) {
    if (descriptor_ < 0) return;
    (void)::fchmod(descriptor_, 0600);  // where it was made otherwise
    (void)::flock(descriptor_, LOCK_EX);
  }
  ~SeedsLock() {
    if (descriptor_ >= 0) ::close(descriptor_);
  }
  SeedsLock(const SeedsLock&) = delete;
  SeedsLock& operator=(const SeedsLock&) = delete;

 private:
  const int descriptor_;
};

}  // namespace

std::uint64_t looks_of(std::span<const VerifiedFile> files) {
  static_assert(sizeof(VerifiedFile) == 24, "no gaps: it is hashed as it lies in memory");
  return siphash({}, std::as_bytes(files));
}

SeedRecord seed_record(const Metainfo& metainfo, std::string folder) {
  SeedRecord out;
  out.info_hash = metainfo.info_hash().wire();
  out.folder = std::move(folder);
  out.name = metainfo.name();
  const std::string& first = metainfo.files()[metainfo.first_real_file()].path;
  out.top = first.substr(0, first.find('/'));
  out.size = metainfo.content_size();
  return out;
}

Result<std::vector<SeedRecord>> load_seeds(const std::string& state_folder) {
  std::vector<SeedRecord> out;
  const auto bytes = read_private_file(seeds_path(state_folder), max_seeds_bytes);
  if (!bytes && bytes.error().code == Errc::not_found) return out;
  if (!bytes) return bytes.error();
  bencode::Limits limits;
  limits.bytes = max_seeds_bytes;
  limits.tokens = bytes->size() / 8 + tokens_of_a_seed;
  limits.strict = true;
  const auto document = bencode::parse(*bytes, limits);
  if (!document) return document.error();
  const auto version = document->root().find_integer("version");
  if (version && *version > seeds_version) {
    return Error{Errc::unsupported,
                 seeds_path(state_folder) + ": written by a newer version of barter"};
  }
  const auto list = document->root().find_list("seeds");
  if (!version || !list) return Error{Errc::invalid_bencoding, "no list of seeds"};
  for (const bencode::Node& node : list->items()) {
    if (auto seed = seed_of(node)) out.push_back(std::move(*seed));
  }
  return out;
}

Result<void> update_seeds(const std::string& state_folder, std::vector<SeedRecord> add,
                          std::span<const SeedRecord> forget) {
  if (auto made = make_private_folder(state_folder, false); !made) return made;
  const SeedsLock lock(seeds_path(state_folder));
  auto seeds = load_seeds(state_folder);
  if (!seeds && seeds.error().code != Errc::invalid_bencoding) return seeds.error();
  if (!seeds) seeds = std::vector<SeedRecord>();
  std::sort(add.begin(), add.end(), comes_before);
  std::vector<SeedRecord> gone(forget.begin(), forget.end());
  std::sort(gone.begin(), gone.end(), comes_before);
  std::erase_if(*seeds, [&](const SeedRecord& seed) {
    return std::binary_search(add.begin(), add.end(), seed, comes_before) ||
           std::binary_search(gone.begin(), gone.end(), seed, comes_before);
  });
  std::move(add.begin(), add.end(), std::back_inserter(*seeds));
  std::sort(seeds->begin(), seeds->end(), comes_before);
  return write_private_file(seeds_path(state_folder), to_bencode(*seeds));
}

}  // namespace barter
