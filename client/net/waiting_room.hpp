// WaitingRoom: the incoming connections of a client whose handshake is not complete, of all
// torrents and of none together. Whoever comes always finds a place: where there is none left, the
// one that has waited longest gives way, of the same address where that has its share, else of the
// address that holds most. So nobody keeps others out by saying nothing. An IPv6 address stands for
// its /64, which one host can have all of. Thread-safe; outlives its places.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <list>
#include <map>
#include <mutex>
#include <utility>

#include "torrent/endpoint.hpp"

namespace barter::net {

struct WaitingRoomOptions {
  std::size_t most = 200;
  std::size_t per_address = 50;         // a network behind one address may come back at once
  std::size_t per_local_address = 150;  // loopback and private networks
};

class WaitingRoom {
 public:
  explicit WaitingRoom(WaitingRoomOptions options) : options_(options) {}

 private:
  using Network = std::pair<bool, std::uint64_t>;  // v4?, and the address or the upper half
  struct Waiting {
    Network network;
    std::function<void()> close;
  };
  using Queue = std::list<Waiting>;  // who came first is first

 public:
  // Held for as long as one waits.
  class Place {
   public:
    Place() = default;
    Place(WaitingRoom* room, Queue::iterator at) : room_(room), at_(at) {}
    Place(Place&& other) noexcept : room_(std::exchange(other.room_, nullptr)), at_(other.at_) {}
    Place& operator=(Place&& other) noexcept {
      std::swap(room_, other.room_);
      std::swap(at_, other.at_);
      return *this;
    }
    ~Place() {
      if (room_ != nullptr) room_->leave(at_);
    }

   private:
    WaitingRoom* room_ = nullptr;
    Queue::iterator at_;
  };

  // `close` is called when this one has to give way: once at most, by any thread; it must not enter
  // or leave by itself.
  Place enter(const Address& address, std::function<void()> close);
  // The one that has waited longest gives way, at the address that holds most; false if nobody
  // waits who was not asked to go before.
  bool make_room();

 private:
  Queue::iterator longest_of_fullest();
  std::function<void()> take_out(Queue::iterator at);
  void leave(Queue::iterator at);

  const WaitingRoomOptions options_;
  std::mutex mutex_;
  Queue waiting_;
  Queue leaving_;  // asked to go, and not gone yet: those hold no place
  std::map<Network, std::size_t> counts_;
};

}  // namespace barter::net
