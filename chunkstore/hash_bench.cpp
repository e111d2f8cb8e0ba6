#include "chunkstore/hash_bench.hpp"

#include <memory>

namespace barter {

HashBench& HashBench::of_this_thread(std::size_t lanes) {
  static thread_local std::unique_ptr<HashBench> bench;
  if (!bench || bench->lanes != lanes) bench = std::make_unique<HashBench>(lanes);
  return *bench;
}

}  // namespace barter
