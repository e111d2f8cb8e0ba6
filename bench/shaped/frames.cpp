#include "frames.hpp"

#include <algorithm>
#include <cstring>
#include <utility>

namespace star {

namespace {
constexpr std::size_t slab_frames = 64;

// struct virtio_net_hdr: the kernel's header of it is no C++.
struct VirtioHeader {
  std::uint8_t flags, segments;
  std::uint16_t headers, segment_size, checksum_start, checksum_offset;
};
constexpr std::size_t virtio_header = sizeof(VirtioHeader);
static_assert(virtio_header == 10);

constexpr std::uint8_t private_unicast = 0x02;
}  // namespace

Frame* Frames::take() {
  if (free_ == nullptr) {
    const std::size_t count = std::min(slab_frames, left_);
    if (count == 0) return nullptr;
    left_ -= count;
    slabs_.push_back(std::make_unique_for_overwrite<Frame[]>(count));
    for (std::size_t i = 0; i < count; ++i) {
      Frame& frame = slabs_.back()[i];
      frame.next = std::exchange(free_, &frame);
    }
  }
  Frame* frame = std::exchange(free_, free_->next);
  frame->next = nullptr;
  return frame;
}

void Frames::give_back(Frame* frame) {
  if (frame->rest) free_rests_.push_back(std::move(frame->rest));
  frame->next = std::exchange(free_, frame);
}

std::array<iovec, 2> Frames::room(Frame& frame) {
  if (!next_rest_ && !free_rests_.empty()) {
    next_rest_ = std::move(free_rests_.back());
    free_rests_.pop_back();
  }
  if (!next_rest_) next_rest_ = std::make_unique_for_overwrite<std::byte[]>(rest_room);
  return {iovec{frame.head.data(), head_room}, iovec{next_rest_.get(), rest_room}};
}

void Frames::filled(Frame& frame, std::uint32_t length) {
  frame.length = length;
  if (length > head_room) frame.rest = std::move(next_rest_);
}

std::array<iovec, 2> Frames::bytes(Frame& frame) {
  const std::size_t head = std::min<std::size_t>(frame.length, head_room);
  return {iovec{frame.head.data(), head}, iovec{frame.rest.get(), frame.length - head}};
}

std::uint32_t wire_bytes(const Frame& frame) {
  VirtioHeader header;
  std::memcpy(&header, frame.head.data(), sizeof header);
  const auto bytes = static_cast<std::uint32_t>(frame.length - virtio_header);
  if (header.segments == 0 || header.segment_size == 0) return bytes;
  // Where the checksum starts, there starts TCP; its length is in its thirteenth byte.
  const std::size_t tcp = virtio_header + header.checksum_start;
  if (tcp + 13 > std::min<std::size_t>(frame.length, head_room)) return bytes;
  const std::uint32_t words = std::to_integer<std::uint32_t>(frame.head[tcp + 12]) >> 4;
  const std::uint32_t headers = header.checksum_start + words * 4;
  if (bytes <= headers) return bytes;
  const std::uint32_t payload = bytes - headers;
  return payload + headers * ((payload + header.segment_size - 1u) / header.segment_size);
}

std::uint32_t destination(const Frame& frame) {
  std::array<std::uint8_t, 6> address;
  std::memcpy(address.data(), frame.head.data() + virtio_header, address.size());
  const auto number = static_cast<std::uint32_t>(address[4] << 8 | address[5]);
  return address == hardware_address(number) ? number : nobody;
}

std::array<std::uint8_t, 6> hardware_address(std::uint32_t host) {
  return {private_unicast,
          0,
          0,
          0,
          static_cast<std::uint8_t>(host >> 8),
          static_cast<std::uint8_t>(host & 0xff)};
}

}  // namespace star
