// The connections of the HTTP server: HttpWorker is one thread with its connections, and decides
// who goes when there are too many. Everything in it happens on its thread, but for construction
// and the end.
#pragma once

#include <list>
#include <memory>
#include <optional>
#include <thread>
#include <unordered_map>

#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/steady_timer.hpp>

#include "tracker/http_server.hpp"
#include "tracker/introducer.hpp"

namespace barter::tracker {

class HttpConnection;
class HttpService;

// What the connections of all threads share.
struct HttpShared {
  HttpServerOptions options;
  std::shared_ptr<Introducer> introducer;
  std::unique_ptr<HttpService> service;
};

// Of one thread.
struct HttpCaps {
  std::uint32_t connections = 0, per_address = 0, per_local_address = 0;
  std::uint64_t body_bytes = 0;
};

std::uint32_t descriptor_limit();  // of the process
std::uint32_t connections_that_fit(const HttpServerOptions& options, std::uint32_t descriptors);
HttpCaps caps_of_worker(const HttpServerOptions& options, std::uint32_t connections,
                        unsigned workers);

struct HttpWorker {
  using Connections = std::list<HttpConnection*>;
  struct Host {
    std::uint32_t connections = 0;
    Connections waiting;  // for bytes of their clients, longest first
  };
  using Hosts = std::unordered_map<Address, Host>;

  HttpWorker(HttpShared& shared_state, const HttpCaps& limits)
      : shared(shared_state), caps(limits), expiry(io), force_stop(io) {}

  void start_connection(boost::asio::ip::tcp::socket socket, Endpoint remote);
  // The connection that has waited longest for its client ends, else one that is being sent
  // something and has read nothing of it for a while. False if there is none.
  bool evict();
  // May so many bytes more be held for a client? Clients that read nothing make room.
  bool admits_body(std::size_t bytes);
  void stop();

  HttpShared& shared;
  const HttpCaps caps;
  boost::asio::io_context io{1};
  boost::asio::steady_timer expiry, force_stop;
  std::optional<boost::asio::executor_work_guard<boost::asio::io_context::executor_type>> work;
  Connections waiting;  // for bytes of their clients, longest first
  Connections sending;  // in the order in which their clients last took something
  Hosts hosts;
  std::uint32_t open = 0;
  std::uint64_t body_bytes = 0;  // of all that is being sent, without what is shared
  bool stopping = false;
  std::thread thread;

 private:
  bool make_room_for(const Address& host, std::uint32_t most);
  bool evict_sender(const Address* host);
};

}  // namespace barter::tracker
