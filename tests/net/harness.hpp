// What the loopback tests share: torrents made of random bytes, clients that remember their events.
#pragma once

#include <algorithm>
#include <condition_variable>
#include <filesystem>
#include <functional>
#include <mutex>
#include <string>
#include <vector>

#include "client/client.hpp"
#include "client/net/client_hooks.hpp"
#include "tests/temporary_folder.hpp"

namespace barter::testing {

using Folder = test::TemporaryFolder;
using test::read_file;

struct TestFile {
  std::string path;
  std::uint64_t size = 0;
};

// Writes files of random bytes below `folder`/`name` (or the one file
// `name`), and gives their metainfo.
std::shared_ptr<const Metainfo> make_torrent(const std::filesystem::path& folder,
                                             const std::string& name,
                                             const std::vector<TestFile>& files,
                                             std::uint32_t piece_length,
                                             const std::string& announce = {},
                                             bool is_private = false);
// Do both folders hold the same bytes of that torrent?
bool same_content(const Metainfo& metainfo, const std::filesystem::path& a,
                  const std::filesystem::path& b);

// A client on loopback with an ephemeral port and its events.
class TestClient {
 public:
  explicit TestClient(ClientOptions options = {}, const net::ClientHooks& hooks = {});
  ~TestClient();
  static ClientOptions loopback();

  Client& operator*() { return *client; }
  Client* operator->() { return client.get(); }
  HostPort address() const { return {"127.0.0.1", client->port()}; }

  TorrentId add(AddTorrent torrent);
  TorrentId seed(const std::shared_ptr<const Metainfo>& metainfo, const std::string& folder);
  TorrentId get(const std::shared_ptr<const Metainfo>& metainfo, const std::string& folder,
                std::vector<HostPort> peers);

  template <class Event>
  bool saw(TorrentId torrent) const {
    return find<Event>(torrent).has_value();
  }
  template <class Event>
  std::optional<Event> find(TorrentId torrent) const {
    const std::lock_guard lock(mutex_);
    for (const auto& [id, event] : events_) {
      if (id != torrent) continue;
      if (const auto* found = std::get_if<Event>(&event)) return *found;
    }
    return std::nullopt;
  }
  template <class Event>
  std::size_t count(TorrentId torrent) const {
    const std::lock_guard lock(mutex_);
    return static_cast<std::size_t>(
        std::count_if(events_.begin(), events_.end(), [&](const auto& event) {
          return event.first == torrent && std::holds_alternative<Event>(event.second);
        }));
  }
  // As find(), among the notices.
  template <class Told>
  std::optional<Told> notice(TorrentId torrent) const {
    const std::lock_guard lock(mutex_);
    for (const auto& [id, event] : events_) {
      const auto* notice = id == torrent ? std::get_if<Notice>(&event) : nullptr;
      if (notice == nullptr) continue;
      if (const auto* found = std::get_if<Told>(notice)) return *found;
    }
    return std::nullopt;
  }
  template <class Told>
  std::size_t count_notices(TorrentId torrent) const {
    const std::lock_guard lock(mutex_);
    return static_cast<std::size_t>(
        std::count_if(events_.begin(), events_.end(), [&](const auto& event) {
          const auto* notice =
              event.first == torrent ? std::get_if<Notice>(&event.second) : nullptr;
          return notice != nullptr && std::holds_alternative<Told>(*notice);
        }));
  }
  template <class Told>
  bool wait_notice(TorrentId torrent, std::chrono::seconds most = std::chrono::seconds(30)) {
    return wait_until([&] { return notice<Told>(torrent).has_value(); }, most);
  }
  template <class Event>
  bool wait(TorrentId torrent, std::chrono::seconds most = std::chrono::seconds(30)) {
    return wait_until([&] { return saw<Event>(torrent); }, most);
  }
  bool wait_until(const std::function<bool()>& what,
                  std::chrono::seconds most = std::chrono::seconds(30));

  std::unique_ptr<Client> client;

 private:
  mutable std::mutex mutex_;
  std::condition_variable arrived_;
  std::vector<std::pair<TorrentId, TorrentEvent>> events_;
};

}  // namespace barter::testing
