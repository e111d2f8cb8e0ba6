// A process in which no descriptor is left, for as long as one of these lives.
#pragma once

#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>
#include <catch2/catch.hpp>
#include <filesystem>
#include <string>
#include <vector>

namespace barter::testing {

class NoDescriptors {
 public:
  // Dozens, up to a limit above all that are open: one that is closed
  // from now on is free again, whoever had it. Below a lower limit it
  // would not be: a number at the limit or beyond is never given.
  NoDescriptors() {
    REQUIRE(::getrlimit(RLIMIT_NOFILE, &before_) == 0);
    rlimit few = before_;
    few.rlim_cur = std::min(few.rlim_max, static_cast<rlim_t>(highest()) + 60);
    REQUIRE(::setrlimit(RLIMIT_NOFILE, &few) == 0);
    for (int more = 0; (more = ::dup(0)) >= 0;) taken_.push_back(more);
  }
  ~NoDescriptors() {
    for (const int one : taken_) ::close(one);
    ::setrlimit(RLIMIT_NOFILE, &before_);
  }
  NoDescriptors(const NoDescriptors&) = delete;
  NoDescriptors& operator=(const NoDescriptors&) = delete;

 private:
  static int highest() {
    int out = 0;
    for (const auto& entry : std::filesystem::directory_iterator("/proc/self/fd"))
      out = std::max(out, std::stoi(entry.path().filename().string()));
    return out;
  }

  rlimit before_{};
  std::vector<int> taken_;
};

}  // namespace barter::testing
