#include "client/net/event_queue.hpp"

#include <atomic>
#include <catch2/catch.hpp>
#include <future>

using namespace barter;

TEST_CASE("events reach the handler in order, and the last ones before the end") {
  std::vector<std::uint32_t> pieces;
  {
    net::EventQueue queue([&](TorrentId, const TorrentEvent& event) {
      pieces.push_back(to_number(std::get<PieceVerified>(std::get<Notice>(event)).piece));
    });
    for (std::uint32_t i = 0; i < 1000; ++i) {
      queue.post(TorrentId{1}, Notice(PieceVerified{PieceIndex{i}}));
    }
  }
  REQUIRE(pieces.size() == 1000);
  CHECK(std::is_sorted(pieces.begin(), pieces.end()));
}

TEST_CASE("a handler that hangs loses pieces and peers, never the end of a torrent") {
  std::promise<void> go;
  std::shared_future<void> gone = go.get_future().share();
  std::atomic<std::size_t> pieces = 0, completed = 0, failed = 0, recovered = 0;
  net::EventQueue queue([&](TorrentId, const TorrentEvent& event) {
    gone.wait();
    if (std::holds_alternative<Completed>(event)) ++completed;
    if (std::holds_alternative<Failed>(event)) ++failed;
    if (const auto* notice = std::get_if<Notice>(&event)) {
      if (std::holds_alternative<PieceVerified>(*notice)) ++pieces;
      if (std::holds_alternative<DiskRecovered>(*notice)) ++recovered;
    }
  });
  for (std::uint32_t i = 0; i < 100'000; ++i) {
    queue.post(TorrentId{1}, Notice(PieceVerified{PieceIndex{i}}));
    if (i % 1000 == 0) queue.post(TorrentId{1}, CheckProgress{i, 100'000});
  }
  queue.post(TorrentId{1}, Completed{});
  queue.post(TorrentId{2}, Failed{Error{Errc::io_error, "broken"}});
  queue.post(TorrentId{1}, Notice(DiskRecovered{}));
  go.set_value();
  queue.close();
  CHECK(pieces <= net::EventQueue::most_waiting);
  CHECK(pieces > net::EventQueue::most_waiting / 2);
  CHECK(completed == 1);
  CHECK(failed == 1);
  CHECK(recovered == 1);
  queue.post(TorrentId{1}, Completed{});  // after the end: dropped
  CHECK(completed == 1);
}
