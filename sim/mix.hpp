// mix: a number into another that looks like chance (the finaliser of splitmix64).
#pragma once

#include <cstdint>

namespace barter::sim {

constexpr std::uint64_t mix(std::uint64_t x) {
  x ^= x >> 30;
  x *= 0xbf58476d1ce4e5b9;
  x ^= x >> 27;
  x *= 0x94d049bb133111eb;
  return x ^ (x >> 31);
}

}  // namespace barter::sim
