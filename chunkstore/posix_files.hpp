// The Files of Linux: openat2 beneath a root handle, and component by component with O_NOFOLLOW
// where the kernel or a sandbox lacks openat2.
#pragma once

#include <memory>

#include "chunkstore/files.hpp"

namespace barter {

// `use_openat2` false takes the fallback, for its tests.
std::unique_ptr<Files> posix_files(bool use_openat2 = true);

}  // namespace barter
