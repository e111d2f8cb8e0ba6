// What the micro benchmarks share. Each suite is a function that sets up,
// runs once what it measures and adds a figure for each kind of
// operation; micro.cpp calls it several times and takes medians.
#pragma once

#include <chrono>
#include <cstdint>
#include <string>
#include <utility>
#include <vector>

namespace barter::micro {

// How much of everything: the sizes of the table, or a few per cent of them for a quick look.
struct Sizes {
  std::uint32_t files = 100'000;     // of the torrent that is parsed
  std::uint32_t blocks = 65'536;     // that are read, 16 KiB each
  std::uint32_t haves = 4'000'000;   // that are read
  std::uint32_t pieces = 1'000'000;  // of the picker
  std::uint32_t peers = 500;         // of the picker
  std::uint32_t picks = 100'000;
  std::uint32_t swarms = 10'000;    // of the registry
  std::uint32_t members = 500'000;  // of all its swarms
  std::uint32_t announces = 1'000'000;
  std::uint32_t hashes = 10'000;  // blocks of 16 KiB, in each lane
};

struct Figure {
  std::string name;
  std::uint64_t operations = 0;
  double seconds = 0;  // for all of them
  bool bytes = false;  // an operation is a byte: what counts is GB/s
};
using Figures = std::vector<Figure>;

// Runs `work`, which returns how many operations it did, and notes how long they took.
template <class Work>
void measure(Figures& figures, std::string name, Work work) {
  const auto began = std::chrono::steady_clock::now();
  const auto operations = static_cast<std::uint64_t>(work());
  const std::chrono::duration<double> took = std::chrono::steady_clock::now() - began;
  figures.push_back({std::move(name), operations, took.count()});
}

// The same for work that returns how many bytes went through it.
template <class Work>
void measure_bytes(Figures& figures, std::string name, Work work) {
  measure(figures, std::move(name), std::move(work));
  figures.back().bytes = true;
}

// The compiler must take it for used.
template <class Value>
void keep(const Value& value) {
  asm volatile("" : : "g"(&value) : "memory");
}

void bencode_suite(const Sizes& sizes, Figures& figures);
void reader_suite(const Sizes& sizes, Figures& figures);
void picker_suite(const Sizes& sizes, Figures& figures);
void registry_suite(const Sizes& sizes, Figures& figures);
void sha_suite(const Sizes& sizes, Figures& figures);

}  // namespace barter::micro
