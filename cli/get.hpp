// What `get` is asked to do, also by other commands that fetch (`verify --repair`).
#pragma once

#include <chrono>
#include <memory>
#include <string>
#include <vector>

#include "cli/torrent_source.hpp"
#include "cli/transfer.hpp"

namespace barter::cli {

struct GetOptions {
  TransferFlags transfer;
  std::string torrent, on_complete, save_torrent;
  std::vector<std::string> peers, select, exclude;
  std::string seed;  // empty: not; else forever, swarm, a ratio or a time
  std::chrono::milliseconds stall_timeout = no_timeout;
  std::chrono::milliseconds retry_for = std::chrono::seconds(30);  // of a URL
  bool fresh = false;                                              // of a URL: no kept copy
  std::string expect;                                              // an info-hash
  std::string metrics_file;
  std::string output;  // of a torrent of one file
  bool check = false;  // hash again what is there
  // Of another command, which has the torrent already and has looked at the pieces.
  std::shared_ptr<const Metainfo> metainfo;
  std::vector<bool> doubted;  // by piece
  bool no_part = false, force = false, keep = false, update = false;
  Existing existing() const {
    return force    ? Existing::overwrite
           : keep   ? Existing::keep
           : update ? Existing::update
                    : Existing::refuse;
  }
};

// The command, also for one that has found what is to be fetched. Throws UsageError.
int run_get(const GetOptions& options, Output& output);

// --retry-for, --fresh and --expect.
void add_source_flags(CLI::App* command, std::chrono::milliseconds& retry_for, bool& fresh,
                      std::string& expect);

}  // namespace barter::cli
