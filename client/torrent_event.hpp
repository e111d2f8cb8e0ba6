// What a Client tells of a torrent. Values.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "chunkstore/store.hpp"
#include "client/add_torrent.hpp"
#include "client/swarm/action.hpp"
#include "torrent/endpoint.hpp"
#include "torrent/result.hpp"

namespace barter {

// What happened to a torrent, for a person or a program.
struct CheckProgress {  // hashing what is on disk
  std::uint64_t bytes_done = 0, bytes_total = 0;
};
struct TransferBegan {
  bool resumed = false;
  std::uint64_t have_bytes = 0;
  std::string file;  // of a torrent of one file: what it is called once it is whole
};
struct Completed {};   // every wanted byte verified and synced
struct FilesChanged {  // pieces withdrawn
  std::vector<std::string> paths;
};
struct FilesMissing {
  std::vector<std::string> paths;
};
struct FilesInTheWay {  // nothing was touched; Failed follows
  std::vector<InTheWay> files;
};
struct FilesKept {  // left alone, as wished; they count as not selected
  std::vector<std::string> paths;
  std::uint64_t bytes = 0;  // what the torrent has there
};
// What is known of the download cannot be written down: it goes on, but if it is interrupted now
// more must be hashed, or fetched, again. Without an error: it can be again.
struct StateTrouble {
  std::optional<Error> error;
};
struct FilesLeftOut {  // they can never be written as they are; they count as not selected
  struct File {
    std::string path, reason;
    std::uint64_t bytes = 0;
  };
  std::vector<File> files;
};
struct FilesNamed {  // what is called otherwise than the torrent says, or could not be named
  std::vector<NameNote> notes;
};
// A host that the user, or a link, names cannot be found: tried again for as long as it takes.
// Without an error: it has been found since.
struct HostUnknown {
  HostPort host;
  bool dht_node = false;  // else a peer
  std::optional<Error> error;
};
struct RootMissing {};
struct RootReturned {};
struct Failed {  // this torrent cannot go on
  Error error;
  // A file cannot be written any more. All else is safe: where the torrent is removed and added
  // again, that file is found and left out.
  bool write_refused = false;
};
using TorrentEvent =
    std::variant<CheckProgress, TransferBegan, Completed, FilesChanged, FilesMissing, FilesInTheWay,
                 FilesKept, FilesNamed, StateTrouble, FilesLeftOut, HostUnknown, RootMissing,
                 RootReturned, Failed, Notice>;
using TorrentHandler = std::function<void(TorrentId, const TorrentEvent&)>;

}  // namespace barter
