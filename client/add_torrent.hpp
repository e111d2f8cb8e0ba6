// What a Client is given to trade: a torrent, or a magnet link. Values.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "chunkstore/store.hpp"
#include "torrent/endpoint.hpp"
#include "torrent/metainfo.hpp"

namespace barter {

enum class TorrentId : std::uint32_t {};

struct AddTorrent {
  std::shared_ptr<const Metainfo> metainfo;
  std::string folder;
  bool read_only = false;  // `seed`
  // read_only: once it is whole and nobody is linked it is parked, and costs next to nothing until
  // somebody calls.
  bool may_park = false;
  Existing existing = Existing::refuse;  // files of somebody else at its places
  std::vector<bool> doubted;  // by piece: hashed again whatever the state says; empty: none
  std::vector<VerifiedFile> verified;  // read_only: what the caller has hashed (StoreOptions)
  bool part_names = false;             // a file is NAME.part until it is whole (StoreOptions)
  std::string output;                  // what the file of a torrent of one file is called
  Allocation allocation = Allocation::sparse;
  std::vector<bool> selected;                                     // by file; empty: all
  std::vector<HostPort> peers;                                    // given by the user
  std::optional<std::vector<std::vector<std::string>>> trackers;  // instead of the torrent's own
};

// A torrent of which only a magnet link is known.
struct AddMagnet {
  InfoHash info_hash;  // every hash that the link names; a v1 hash is needed
  std::vector<std::vector<std::string>> trackers;
  std::vector<HostPort> peers;  // of the link and of the user
};

}  // namespace barter
