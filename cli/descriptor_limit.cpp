#include "cli/descriptor_limit.hpp"

#include <sys/resource.h>

namespace barter::cli {

namespace {
rlimit before{};
bool raised = false;
}  // namespace

// A thousand peers and as many files need descriptors; the soft limit is often 1024 for select()
// alone. Programs that use select() break on more, so those that we start get back what we had.
void raise_descriptor_limit() {
  if (getrlimit(RLIMIT_NOFILE, &before) != 0 || before.rlim_cur == before.rlim_max) return;
  rlimit most = before;
  most.rlim_cur = before.rlim_max;
  raised = setrlimit(RLIMIT_NOFILE, &most) == 0;
}

bool restore_descriptor_limit() {
  return !raised || setrlimit(RLIMIT_NOFILE, &before) == 0;
}

}  // namespace barter::cli
