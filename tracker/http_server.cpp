#include "tracker/http_server.hpp"

#include <array>
#include <list>
#include <mutex>
#include <random>
#include <thread>
#include <unordered_map>

#include <fmt/format.h>
#include <spdlog/spdlog.h>
#include <sys/socket.h>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/ip/v6_only.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/write.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/core/tcp_stream.hpp>
#include <boost/beast/http/empty_body.hpp>
#include <boost/beast/http/parser.hpp>
#include <boost/beast/http/read.hpp>
#include <boost/beast/http/status.hpp>

#include "tracker/http_service.hpp"
#include "tracker/introducer.hpp"

namespace barter::tracker {
namespace {

namespace asio = boost::asio;
namespace beast = boost::beast;
namespace http = boost::beast::http;
using asio::ip::tcp;
using boost::system::error_code;
using std::chrono::seconds;
using std::chrono::steady_clock;

// How many ports are tried where the first ones are taken.
constexpr int ports_tried = 100;
// How long stop() lets answers finish; how long and for how many bytes a closed connection is
// listened to, so that the answer before the close is not lost to a reset.
constexpr auto stop_grace = seconds(1);
constexpr auto linger_time = seconds(1);
constexpr std::size_t linger_bytes = 64 * 1024;
// The slowest reader of a long answer that we put up with, in bytes a second.
constexpr std::size_t slowest_reader = 16 * 1024;
constexpr auto refresh_interval = seconds(1);
constexpr int ticks_between_address_refreshes = 5;

Endpoint from_asio(const tcp::endpoint& endpoint) {
  const auto address = endpoint.address();
  return {address.is_v4() ? Address::v4(address.to_v4().to_bytes())
                          : Address::v6(address.to_v6().to_bytes()),
          endpoint.port()};
}

tcp::endpoint to_asio(const Endpoint& endpoint) {
  if (endpoint.address.is_v4()) {
    return {asio::ip::address_v4(endpoint.address.v4_bytes()), endpoint.port};
  }
  return {asio::ip::address_v6(endpoint.address.v6_bytes()), endpoint.port};
}

// One host of the outside world: an IPv6 host has a whole /64.
Address host_of(const Address& address) {
  if (address.is_v4()) return address;
  auto bytes = address.v6_bytes();
  std::fill(bytes.begin() + 8, bytes.end(), std::uint8_t{0});
  return Address::v6(bytes);
}

enum class Beginning { http, other, unclear };

// What the first bytes of a connection are the beginning of.
Beginning sniff(std::string_view bytes) {
  constexpr std::array<std::string_view, 10> methods{"GET ",    "HEAD ",    "POST ",  "PUT ",
                                                     "DELETE ", "OPTIONS ", "TRACE ", "CONNECT ",
                                                     "PATCH ",  "PRI "};
  for (const std::string_view method : methods) {
    if (bytes.starts_with(method)) return Beginning::http;
    if (method.starts_with(bytes)) return Beginning::unclear;
  }
  return Beginning::other;
}

// How many connections there are from each address. All threads.
class AddressCounts {
 public:
  bool try_add(const Address& address, std::uint32_t limit) {
    const std::lock_guard lock(mutex_);
    std::uint32_t& count = counts_[host_of(address)];
    if (count >= limit) return false;
    ++count;
    return true;
  }
  void remove(const Address& address) {
    const std::lock_guard lock(mutex_);
    const auto found = counts_.find(host_of(address));
    if (found != counts_.end() && --found->second == 0) counts_.erase(found);
  }

 private:
  std::mutex mutex_;
  std::unordered_map<Address, std::uint32_t> counts_;
};

// What the connections of all threads share.
struct Shared {
  HttpServerOptions options;
  std::shared_ptr<Introducer> introducer;
  std::unique_ptr<HttpService> service;
  AddressCounts addresses;
};

class Connection;

// One thread with its connections. Everything in it happens there, but for construction and the
// end.
struct Worker {
  explicit Worker(Shared& shared_state, std::uint32_t limit)
      : shared(shared_state), max_connections(limit), expiry(io), force_stop(io) {}

  void start_connection(tcp::socket socket, Endpoint remote);
  bool evict();  // the connection that has waited longest for its client
  void stop();
  void connection_ended();

  Shared& shared;
  const std::uint32_t max_connections;
  asio::io_context io{1};
  asio::steady_timer expiry, force_stop;
  std::optional<asio::executor_work_guard<asio::io_context::executor_type>> work;
  std::list<Connection*> waiting;  // for bytes of their clients, longest first
  std::uint32_t open = 0;
  bool stopping = false;
  std::thread thread;
};

// A client: sniffed, then asked and answered until one side has enough. Kept alive by its handlers.
class Connection : public std::enable_shared_from_this<Connection> {
 public:
  Connection(Worker& worker, tcp::socket socket, Endpoint remote, Endpoint local, bool counted)
      : worker_(worker),
        shared_(worker.shared),
        stream_(std::move(socket)),
        buffer_(shared_.options.header_bytes + 4096),
        remote_(remote),
        local_(local),
        counted_(counted) {}

  void start() {
    // One deadline until the first header is whole, however slowly its bytes drip.
    header_deadline_ = steady_clock::now() + shared_.options.header_timeout;
    begin_waiting();
    read_beginning();
  }

  void close() {
    if (ended_) return;
    ended_ = true;
    end_waiting();
    stream_.close();
    forget();
  }

 private:
  using Parser = http::request_parser<http::empty_body>;

  void begin_waiting() {
    if (!place_) place_ = worker_.waiting.insert(worker_.waiting.end(), this);
  }
  void end_waiting() {
    if (place_) worker_.waiting.erase(*place_);
    place_.reset();
  }
  void forget() {
    if (counted_) shared_.addresses.remove(remote_.address);
    shared_.service->connections().open.fetch_sub(1);
    worker_.connection_ended();
  }

  void read_beginning() {
    stream_.expires_at(header_deadline_);
    stream_.async_read_some(buffer_.prepare(2048),
                            [self = shared_from_this()](error_code error, std::size_t bytes) {
                              if (self->ended_) return;
                              if (error) return self->close();
                              self->buffer_.commit(bytes);
                              self->look_at_beginning();
                            });
  }

  void look_at_beginning() {
    switch (sniff(received())) {
      case Beginning::http:
        return read_header();
      case Beginning::unclear:
        return read_beginning();
      case Beginning::other:
        return hand_on();
    }
  }

  std::string_view received() const {
    const auto data = buffer_.data();
    return {static_cast<const char*>(data.data()), data.size()};
  }

  void hand_on() {
    if (!shared_.options.not_http || worker_.stopping) return close();
    ended_ = true;
    end_waiting();
    stream_.expires_never();
    error_code error;
    const int descriptor = stream_.release_socket().release(error);
    forget();
    if (error) return;
    shared_.service->connections().handed_on.fetch_add(1);
    shared_.options.not_http(descriptor, remote_, std::string(received()));
  }

  void read_header() {
    parser_.emplace();
    parser_->header_limit(shared_.options.header_bytes);
    parser_->body_limit(boost::none);  // bodies are looked at, not read
    stream_.expires_at(header_deadline_);
    http::async_read_header(stream_, buffer_, *parser_,
                            [self = shared_from_this()](error_code error, std::size_t) {
                              if (!self->ended_) self->header_read(error);
                            });
  }

  void header_read(error_code error) {
    end_waiting();
    if (error == http::error::header_limit || error == http::error::buffer_overflow) {
      return refuse(431);
    }
    if (error == http::error::end_of_stream || error == beast::error::timeout) return close();
    if (error.category() == http::make_error_code(http::error::bad_method).category()) {
      return refuse(error == http::error::partial_message ? 0 : 400);
    }
    if (error) return close();
    answer();
  }

  // An error that ends the connection; status 0 says nothing.
  void refuse(unsigned status) {
    if (status == 0) return close();
    keep_alive_ = false;
    head_only_ = false;
    send(HttpReply{status, "text/plain", fmt::format("{}\n", reason(status)), {}});
  }

  static std::string_view reason(unsigned status) {
    const auto text = http::obsolete_reason(http::int_to_status(status));
    return {text.data(), text.size()};
  }

  void answer() {
    const auto& request = parser_->get();
    const auto length = parser_->content_length();
    keep_alive_ = request.keep_alive();
    head_only_ = request.method() == http::verb::head;
    if (request.method() != http::verb::get && !head_only_) {
      keep_alive_ = false;
      return send({405, "text/plain", "method not allowed\n", {{"Allow", "GET, HEAD"}}});
    }
    if (parser_->chunked() || (length && *length != 0)) return refuse(413);

    std::string forwarded;
    const auto fields = request.equal_range("X-Forwarded-For");
    for (auto field = fields.first; field != fields.second; ++field) {
      if (!forwarded.empty()) forwarded += ',';
      forwarded += field->value();
    }
    const auto host = request[http::field::host];
    HttpRequest out;
    out.target = {request.target().data(), request.target().size()};
    out.host = {host.data(), host.size()};
    out.forwarded_for = forwarded;
    out.remote = remote_;
    out.local = local_;
    send(shared_.service->answer(out, steady_clock::now()));
  }

  void send(HttpReply reply) {
    if (worker_.stopping) keep_alive_ = false;
    head_ = fmt::format(
        "HTTP/1.1 {} {}\r\nContent-Type: {}\r\nContent-Length: {}\r\nConnection: {}\r\n",
        reply.status, reason(reply.status), reply.content_type, reply.body.size(),
        keep_alive_ ? "keep-alive" : "close");
    for (const auto& [name, value] : reply.headers) head_ += fmt::format("{}: {}\r\n", name, value);
    head_ += "\r\n";
    body_ = head_only_ ? std::string() : std::move(reply.body);
    stream_.expires_after(shared_.options.idle_timeout +
                          seconds(static_cast<std::int64_t>(body_.size() / slowest_reader)));
    const std::array<asio::const_buffer, 2> buffers{asio::buffer(head_), asio::buffer(body_)};
    asio::async_write(stream_, buffers, [self = shared_from_this()](error_code error, std::size_t) {
      if (self->ended_) return;
      if (error) return self->close();
      self->sent();
    });
  }

  void sent() {
    body_ = {};
    begin_waiting();
    if (!keep_alive_ || worker_.stopping) return linger();
    if (buffer_.size() != 0) {  // the next request is here already, or a part of it
      header_deadline_ = steady_clock::now() + shared_.options.header_timeout;
      return read_header();
    }
    stream_.expires_after(shared_.options.idle_timeout);
    stream_.async_read_some(
        buffer_.prepare(2048), [self = shared_from_this()](error_code error, std::size_t bytes) {
          if (self->ended_) return;
          if (error) return self->close();
          self->buffer_.commit(bytes);
          self->header_deadline_ = steady_clock::now() + self->shared_.options.header_timeout;
          self->read_header();
        });
  }

  // Whoever closes with unread bytes resets the connection, and our answer may be lost with it.
  void linger() {
    error_code ignored;
    stream_.socket().shutdown(tcp::socket::shutdown_send, ignored);
    if (worker_.stopping) return close();
    stream_.expires_after(linger_time);
    drain(0);
  }
  void drain(std::size_t drained) {
    buffer_.clear();
    if (drained >= linger_bytes) return close();
    stream_.async_read_some(buffer_.prepare(4096), [self = shared_from_this(), drained](
                                                       error_code error, std::size_t bytes) {
      if (self->ended_) return;
      if (error) return self->close();
      self->drain(drained + bytes);
    });
  }

  Worker& worker_;
  Shared& shared_;
  beast::tcp_stream stream_;
  beast::flat_buffer buffer_;
  std::optional<Parser> parser_;
  std::string head_, body_;  // what is being sent
  const Endpoint remote_, local_;
  const bool counted_;  // against its address
  steady_clock::time_point header_deadline_{};
  std::optional<std::list<Connection*>::iterator> place_;  // in Worker::waiting
  bool keep_alive_ = false, head_only_ = false, ended_ = false;
};

void Worker::start_connection(tcp::socket socket, Endpoint remote) {
  auto& counters = shared.service->connections();
  error_code error;
  const auto local = socket.local_endpoint(error);
  if (error || stopping) return;
  const bool counted = !shared.service->spared(remote.address);
  if (counted &&
      !shared.addresses.try_add(remote.address, shared.options.max_connections_per_address)) {
    counters.shed.fetch_add(1);
    return;
  }
  if (open >= max_connections && !evict()) {
    counters.shed.fetch_add(1);
    if (counted) shared.addresses.remove(remote.address);
    return;
  }
  socket.set_option(tcp::no_delay(true), error);
  ++open;
  counters.open.fetch_add(1);
  counters.accepted.fetch_add(1);
  std::make_shared<Connection>(*this, std::move(socket), remote, from_asio(local), counted)
      ->start();
}

bool Worker::evict() {
  if (waiting.empty()) return false;
  shared.service->connections().shed.fetch_add(1);
  waiting.front()->close();
  return true;
}

void Worker::connection_ended() {
  --open;
  if (stopping && open == 0) force_stop.cancel();
}

void Worker::stop() {
  stopping = true;
  expiry.cancel();
  work.reset();
  while (!waiting.empty()) waiting.front()->close();
  if (open == 0) return;
  force_stop.expires_after(stop_grace);
  force_stop.async_wait([this](error_code error) {
    if (!error) io.stop();
  });
}

}  // namespace

class HttpServer::Impl {
 public:
  explicit Impl(HttpServerOptions options) { shared_.options = std::move(options); }

  Result<void> start() {
    std::random_device random;
    const std::uint64_t seed = std::uint64_t{random()} << 32 | random();
    const HttpServerOptions& options = shared_.options;
    shared_.introducer = std::make_shared<Introducer>(
        IntroducerOptions{options.registry, options.restrict_to_allowed, options.completed}, seed);
    auto service = HttpService::make(options, *shared_.introducer);
    if (!service) return service.error();
    shared_.service = std::move(*service);
    const unsigned threads = std::max(1u, shared_.options.threads);
    const std::uint32_t each = std::max(1u, shared_.options.max_connections / threads);
    for (unsigned i = 0; i < threads; ++i) {
      workers_.push_back(std::make_unique<Worker>(shared_, each));
      workers_.back()->work.emplace(workers_.back()->io.get_executor());
    }
    if (auto listening = listen(); !listening) return listening.error();
    for (const auto& acceptor : acceptors_) accept(*acceptor);
    tick(0);
    for (const auto& worker : workers_) {
      worker->thread = std::thread([&io = worker->io] { io.run(); });
    }
    return {};
  }

  std::uint16_t port() const { return port_; }
  const std::shared_ptr<Introducer>& introducer() const { return shared_.introducer; }

  void stop() {
    if (stopped_.exchange(true)) return;
    for (const auto& worker : workers_) {
      asio::post(worker->io, [this, &worker = *worker] {
        if (&worker == workers_.front().get()) acceptors_.clear();
        worker.stop();
      });
    }
    for (const auto& worker : workers_) {
      if (worker->thread.joinable()) worker->thread.join();
    }
  }

  ~Impl() {
    stop();
    acceptors_.clear();
    // In this order: what the first one has still to accept belongs to the others.
    for (auto& worker : workers_) worker.reset();
  }

 private:
  using Acceptor = tcp::acceptor;

  // Opens all sockets on one port; "[::]" is two of them, since one for both families would depend
  // on the machine's net.ipv6.bindv6only and give mapped addresses.
  Result<void> listen() {
    std::vector<Endpoint> wanted;
    for (const Endpoint& endpoint : shared_.options.listen) {
      wanted.push_back(endpoint);
      if (!endpoint.address.is_v4() && endpoint.address.is_unspecified()) {
        wanted.push_back({Address::v4({0, 0, 0, 0}), endpoint.port});
      }
    }
    if (wanted.empty()) return Error{Errc::invalid_argument, "no address to listen on"};
    const std::uint16_t first = wanted.front().port;
    // With port 0 the kernel chooses for the first socket, and the others may be out of luck.
    const bool again = shared_.options.next_free_port || first == 0;
    Result<void> outcome;
    for (int i = 0; i < (again ? ports_tried : 1); ++i) {
      const int port = first == 0 ? 0 : first + i;
      if (port > 65535) break;
      outcome = listen_on(wanted, static_cast<std::uint16_t>(port));
      if (outcome || outcome.error().code != Errc::address_in_use) return outcome;
    }
    return outcome;
  }

  Result<void> listen_on(const std::vector<Endpoint>& wanted, std::uint16_t port) {
    acceptors_.clear();
    port_ = port;
    std::optional<Error> no_family;
    for (Endpoint endpoint : wanted) {
      if (shared_.options.listen.front().port == endpoint.port) endpoint.port = port_;
      auto acceptor = std::make_unique<Acceptor>(workers_.front()->io);
      if (const error_code error = open(*acceptor, to_asio(endpoint))) {
        const auto code = error == asio::error::address_in_use  ? Errc::address_in_use
                          : error == asio::error::access_denied ? Errc::permission_denied
                                                                : Errc::network;
        Error failure{code, fmt::format("cannot listen on {}: {}", barter::to_string(endpoint),
                                        error.message())};
        // A machine without IPv6 (or without IPv4) still has the other.
        const bool absent = error == asio::error::address_family_not_supported ||
                            error == boost::system::errc::address_not_available;
        if (!absent || !endpoint.address.is_unspecified()) {
          acceptors_.clear();
          return failure;
        }
        no_family = failure;
        continue;
      }
      if (port_ == 0) port_ = acceptor->local_endpoint().port();
      acceptors_.push_back(std::move(acceptor));
    }
    if (acceptors_.empty()) return *no_family;
    return {};
  }

  static error_code open(Acceptor& acceptor, const tcp::endpoint& endpoint) {
    error_code error;
    acceptor.open(endpoint.protocol(), error);
    if (!error) acceptor.set_option(Acceptor::reuse_address(true), error);
    if (!error && endpoint.address().is_v6()) {
      acceptor.set_option(asio::ip::v6_only(true), error);
    }
    if (!error) acceptor.bind(endpoint, error);
    if (!error) acceptor.listen(asio::socket_base::max_listen_connections, error);
    return error;
  }

  // Accepts for one worker after the other. Runs on the first worker's thread.
  void accept(Acceptor& acceptor) {
    Worker& worker = *workers_[next_worker_++ % workers_.size()];
    acceptor.async_accept(
        worker.io, [this, &acceptor, &worker](error_code error, tcp::socket socket) {
          if (error == asio::error::operation_aborted || stopped_) return;
          if (error) return accept_later(acceptor, error);
          const auto remote = socket.remote_endpoint(error);
          if (!error) {
            asio::post(worker.io,
                       [&worker, socket = std::move(socket), remote = from_asio(remote)]() mutable {
                         worker.start_connection(std::move(socket), remote);
                       });
          }
          accept(acceptor);
        });
  }

  // Out of descriptors, most likely: those that idle longest make room.
  void accept_later(Acceptor& acceptor, error_code error) {
    spdlog::warn("tracker: accept failed: {}", error.message());
    for (const auto& worker : workers_) {
      asio::post(worker->io, [&worker = *worker] { worker.evict(); });
    }
    auto timer = std::make_shared<asio::steady_timer>(workers_.front()->io);
    timer->expires_after(std::chrono::milliseconds(20));
    timer->async_wait([this, &acceptor, timer](error_code) {
      if (!stopped_) accept(acceptor);
    });
  }

  // Every second, on the first worker's thread.
  void tick(int count) {
    if (count > 0) shared_.introducer->expire(steady_clock::now());
    if (count % ticks_between_address_refreshes == ticks_between_address_refreshes - 1) {
      shared_.introducer->refresh_own_addresses();
    }
    Worker& worker = *workers_.front();
    if (worker.stopping) return;
    worker.expiry.expires_after(refresh_interval);
    worker.expiry.async_wait([this, count](error_code error) {
      if (!error) tick(count + 1);
    });
  }

  Shared shared_;
  std::vector<std::unique_ptr<Worker>> workers_;
  std::vector<std::unique_ptr<Acceptor>> acceptors_;
  std::size_t next_worker_ = 0;
  std::uint16_t port_ = 0;
  std::atomic<bool> stopped_{false};
};

Result<std::unique_ptr<HttpServer>> HttpServer::start(HttpServerOptions options) {
  auto impl = std::make_unique<Impl>(std::move(options));
  if (auto started = impl->start(); !started) return started.error();
  return std::unique_ptr<HttpServer>(new HttpServer(std::move(impl)));
}

HttpServer::HttpServer(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
HttpServer::~HttpServer() = default;
std::uint16_t HttpServer::port() const {
  return impl_->port();
}
void HttpServer::allow(std::vector<WireInfoHash> info_hashes) {
  impl_->introducer()->allow(std::move(info_hashes));
}
RegistryStats HttpServer::stats() const {
  return impl_->introducer()->stats();
}
ScrapeEntry HttpServer::scrape(const WireInfoHash& info_hash) const {
  return impl_->introducer()->scrape({&info_hash, 1}, steady_clock::now()).front();
}
std::shared_ptr<Introducer> HttpServer::introducer() const {
  return impl_->introducer();
}
void HttpServer::stop() {
  impl_->stop();
}

}  // namespace barter::tracker
