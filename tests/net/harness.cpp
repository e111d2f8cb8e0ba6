#include "harness.hpp"

#include <catch2/catch.hpp>
#include <fstream>
#include <thread>

#include "torrent/bencode.hpp"
#include "torrent/random.hpp"
#include "torrent/sha.hpp"

namespace barter::testing {

namespace fs = std::filesystem;

namespace {
std::string random_bytes(std::uint64_t size, std::uint64_t seed) {
  Random random(seed);
  std::string out(size, '\0');
  std::size_t i = 0;
  for (; i + 8 <= size; i += 8) {
    const std::uint64_t word = random.next();
    std::memcpy(out.data() + i, &word, 8);
  }
  for (; i < size; ++i) out[i] = static_cast<char>(random.next());
  return out;
}
}  // namespace

std::shared_ptr<const Metainfo> make_torrent(const fs::path& folder, const std::string& name,
                                             const std::vector<TestFile>& files,
                                             std::uint32_t piece_length,
                                             const std::string& announce, bool is_private) {
  std::string all;
  std::uint64_t seed = std::hash<std::string>()(name);
  for (const TestFile& file : files) {
    const fs::path path = file.path.empty() ? folder / name : folder / name / file.path;
    fs::create_directories(path.parent_path());
    const std::string bytes = random_bytes(file.size, ++seed);
    std::ofstream(path, std::ios::binary) << bytes;
    all += bytes;
  }
  std::string pieces;
  for (std::size_t at = 0; at < all.size(); at += piece_length) {
    const Sha1Digest digest = sha1(as_bytes(std::string_view(all).substr(at, piece_length)));
    pieces += digest.view();
  }
  bencode::Writer w;
  w.begin_dictionary();
  if (!announce.empty()) w.key("announce").string(announce);
  w.key("info").begin_dictionary();
  if (files.size() == 1 && files[0].path.empty()) {
    w.key("length").integer(static_cast<std::int64_t>(files[0].size));
  } else {
    w.key("files").begin_list();
    for (const TestFile& file : files) {
      w.begin_dictionary();
      w.key("length").integer(static_cast<std::int64_t>(file.size));
      w.key("path").begin_list();
      for (const auto& part : fs::path(file.path)) w.string(part.string());
      w.end().end();
    }
    w.end();
  }
  w.key("name").string(name);
  w.key("piece length").integer(piece_length);
  w.key("pieces").string(pieces);
  if (is_private) w.key("private").integer(1);
  w.end().end();
  auto metainfo = Metainfo::parse(w.take());
  if (!metainfo) FAIL(metainfo.error().message);
  return *metainfo;
}

bool same_content(const Metainfo& metainfo, const fs::path& a, const fs::path& b) {
  for (const File& file : metainfo.files()) {
    if (file.pad) continue;
    if (!fs::exists(a / file.path) || !fs::exists(b / file.path)) return false;
    if (read_file(a / file.path) != read_file(b / file.path)) return false;
  }
  return true;
}

ClientOptions TestClient::loopback() {
  ClientOptions out;
  out.listen_addresses = {*Address::parse("127.0.0.1")};
  out.fixed_port = true;  // with port 0: any free one
  return out;
}

TestClient::TestClient(ClientOptions options, const net::ClientHooks& hooks) {
  if (options.listen_addresses.empty()) {
    const auto defaults = loopback();
    options.listen_addresses = defaults.listen_addresses;
    if (options.port == 0) options.fixed_port = true;
  }
  auto started = Client::start(
      std::move(options),
      [this](TorrentId id, const TorrentEvent& event) {
        const std::lock_guard lock(mutex_);
        events_.emplace_back(id, event);
        arrived_.notify_all();
      },
      hooks);
  if (!started) FAIL(started.error().message);
  client = std::move(*started);
}

TestClient::~TestClient() {
  client.reset();
}

TorrentId TestClient::add(AddTorrent torrent) {
  auto added = client->add(std::move(torrent));
  if (!added) FAIL(added.error().message);
  return *added;
}

TorrentId TestClient::seed(const std::shared_ptr<const Metainfo>& metainfo,
                           const std::string& folder) {
  AddTorrent torrent;
  torrent.metainfo = metainfo;
  torrent.folder = folder;
  torrent.read_only = true;
  const TorrentId id = add(std::move(torrent));
  if (!wait<TransferBegan>(id)) FAIL("the seed did not begin");
  return id;
}

TorrentId TestClient::get(const std::shared_ptr<const Metainfo>& metainfo,
                          const std::string& folder, std::vector<HostPort> peers) {
  AddTorrent torrent;
  torrent.metainfo = metainfo;
  torrent.folder = folder;
  torrent.peers = std::move(peers);
  return add(std::move(torrent));
}

bool TestClient::wait_until(const std::function<bool()>& what, std::chrono::seconds most) {
  const auto end = std::chrono::steady_clock::now() + most;
  while (std::chrono::steady_clock::now() < end) {
    if (what()) return true;
    std::this_thread::sleep_for(std::chrono::milliseconds(5));
  }
  return what();
}

}  // namespace barter::testing
