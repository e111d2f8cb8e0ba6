// A TrackerClient on a thread of its own, asked from the test's.
#pragma once

#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/io_context.hpp>
#include <future>
#include <memory>
#include <string>
#include <thread>

#include "client/net/tracker_client.hpp"

namespace barter::testing {

class AnnounceFixture {
 public:
  explicit AnnounceFixture(net::TrackerClientOptions options = {})
      : client_(std::make_shared<net::TrackerClient>(context_, std::move(options))),
        thread_([this] { context_.run(); }) {}
  ~AnnounceFixture() {
    client_->stop();
    work_.reset();
    context_.stop();
    thread_.join();
  }

  std::future<AnnounceOutcome> begin(const std::string& url,
                                     tracker::Event event = tracker::Event::started) {
    tracker::AnnounceRequest request;
    request.info_hash = *WireInfoHash::from("01234567890123456789");
    request.peer_id = *PeerId::from("-Ba0100-abcdefghijkl");
    request.port = 6881;
    request.left = 1000;
    request.event = event;
    request.key = "0000abcd";
    auto promise = std::make_shared<std::promise<AnnounceOutcome>>();
    client_->announce(url, request,
                      [promise](const AnnounceOutcome& out) { promise->set_value(out); });
    return promise->get_future();
  }
  AnnounceOutcome announce(const std::string& url) { return begin(url).get(); }

 private:
  boost::asio::io_context context_{1};
  boost::asio::executor_work_guard<boost::asio::io_context::executor_type> work_{
      context_.get_executor()};
  std::shared_ptr<net::TrackerClient> client_;
  std::thread thread_;
};

}  // namespace barter::testing
