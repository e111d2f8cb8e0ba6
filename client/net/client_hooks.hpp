// ClientHooks: what tests replace inside a Client: the operating system as its stores see it, and
// the size of its memory, and how patiently it watches the network. Nothing of it is for users.
#pragma once

#include <cstdint>
#include <memory>

#include "chunkstore/files.hpp"
#include "client/net/network_watch.hpp"

namespace barter::net {

struct ClientHooks {
  std::shared_ptr<Files> files;  // null: those of the system
  // Memory for blocks beyond those of open pieces: on their way to the
  // disk, and in the hands of readers.
  std::uint64_t block_bytes_beyond = 48 << 20;
  NetworkWatchOptions network = {};
};

}  // namespace barter::net
