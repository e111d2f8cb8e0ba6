// What the torrents of one client share, and how they are heard. A value, made by the Client.
#pragma once

#include <atomic>
#include <boost/asio/io_context.hpp>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "chunkstore/block_buffer.hpp"
#include "client/link/stream.hpp"
#include "client/net/budget.hpp"
#include "client/net/disk_pool.hpp"
#include "client/net/finders.hpp"
#include "client/net/name_resolver.hpp"
#include "client/net/rest.hpp"
#include "client/net/trace.hpp"
#include "client/net/tracker_client.hpp"
#include "client/net/waiting_room.hpp"
#include "client/torrent_event.hpp"

namespace barter::net {

// Outlives the torrents.
struct DriverShared {
  DiskPool& disk;
  BlockPool& blocks;
  TrackerClient& trackers;
  Finders& finders;
  ConnectionBudget& budget;
  WaitingRoom& room;
  NameResolver& names;
  boost::asio::io_context& service;
  PeerId peer_id;
  std::string announce_key;  // random, the same for all announces of this run
  std::uint16_t port = 0;
  const std::vector<Address>& connect_from;  // ClientOptions
  Trace* trace = nullptr;
  std::atomic<std::uint32_t>& shortages;              // how often the block pool was empty for long
  std::function<void(TorrentId, TorrentEvent)> emit;  // any thread; does not block
  // A torrent that may be parked has come to rest, and its driver has ended. Any thread.
  std::function<void(TorrentId, Rest)> rested;
  // A stranger who came too late for that driver.
  std::function<void(const WireInfoHash&, std::unique_ptr<link::Stream>, Endpoint)> deliver;
};

}  // namespace barter::net
