// Frames: Ethernet frames under way, and the memory they lie in. One thread.
//
// A frame is read behind the header that the kernel puts before it (struct virtio_net_hdr): where
// the device may hand out several TCP segments as one, that header says how they are to be cut.
// Buffers are taken in slabs and used again, the warmest first; nothing is allocated for a frame.
#pragma once

#include <sys/uio.h>

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <vector>

namespace star {

using Nanoseconds = std::int64_t;

inline constexpr std::size_t head_room = 2048;       // holds a frame of an MTU of 1500
inline constexpr std::size_t rest_room = 64 * 1024;  // with it: the longest that a device hands out

struct Frame {
  Nanoseconds due = 0;                // when it is at the end of the line on which it is
  std::uint32_t length = 0;           // as read, with the virtio header
  std::uint32_t wire = 0;             // bytes on the line: the frames that it will be cut into
  std::uint32_t to = 0;               // number of the host
  Frame* next = nullptr;              // behind it on the same line
  std::unique_ptr<std::byte[]> rest;  // what did not fit the head; null if all did
  std::array<std::byte, head_room> head;
};

class Frames {
 public:
  // At most `most` frames at a time.
  explicit Frames(std::size_t most) : left_(most) {}

  Frame* take();  // null: all are under way
  void give_back(Frame* frame);

  // Where to read a frame to; the long buffer is handed on only if it was needed.
  std::array<iovec, 2> room(Frame& frame);
  // `length` bytes were read there: the long part now belongs to the frame, if there is one.
  void filled(Frame& frame, std::uint32_t length);
  // The bytes of a frame, to write them.
  static std::array<iovec, 2> bytes(Frame& frame);

 private:
  std::size_t left_;
  Frame* free_ = nullptr;
  std::vector<std::unique_ptr<Frame[]>> slabs_;
  std::vector<std::unique_ptr<std::byte[]>> free_rests_;
  std::unique_ptr<std::byte[]> next_rest_;
};

// Bytes on the line of a frame as read: Ethernet headers counted, preamble and checksum not.
// Segments that the kernel left to be cut by the device each have their headers.
std::uint32_t wire_bytes(const Frame& frame);

// Number of the host in a frame's destination address; broadcasts,
// multicasts and strangers: `nobody`.
inline constexpr std::uint32_t nobody = 0xffffffff;
std::uint32_t destination(const Frame& frame);
// The hardware address of a host: its number behind a private prefix.
std::array<std::uint8_t, 6> hardware_address(std::uint32_t host);

}  // namespace star
