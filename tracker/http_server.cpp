#include "tracker/http_server.hpp"

#include <poll.h>

#include <random>

#include <fmt/format.h>
#include <spdlog/spdlog.h>
#include <boost/asio/ip/v6_only.hpp>
#include <boost/asio/post.hpp>

#include "tracker/http_connections.hpp"
#include "tracker/http_service.hpp"
#include "tracker/introducer.hpp"

namespace barter::tracker {
namespace {

namespace asio = boost::asio;
using asio::ip::tcp;
using boost::system::error_code;
using std::chrono::seconds;
using std::chrono::steady_clock;

// How many ports are tried where the first ones are taken.
constexpr int ports_tried = 100;
constexpr auto refresh_interval = seconds(1);
constexpr int ticks_between_address_refreshes = 5;
constexpr auto pause_without_callers = std::chrono::milliseconds(20);
constexpr auto tell_interval = std::chrono::minutes(1);  // of an accept that fails

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

}  // namespace

class HttpServer::Impl {
 public:
  explicit Impl(HttpServerOptions options) { shared_.options = std::move(options); }

  Result<void> start() {
    std::random_device random;
    const std::uint64_t seed = std::uint64_t{random()} << 32 | random();
    HttpServerOptions& options = shared_.options;
    shared_.introducer = std::make_shared<Introducer>(
        IntroducerOptions{options.registry, std::exchange(options.allowed, {}), options.completed,
                          options.announced},
        seed);
    auto service = HttpService::make(options, *shared_.introducer);
    if (!service) return service.error();
    shared_.service = std::move(*service);
    const unsigned threads = std::max(1u, shared_.options.threads);
    max_connections_ = std::max(threads, connections_that_fit(options, descriptor_limit()));
    const HttpCaps each = caps_of_worker(options, max_connections_ / threads, threads);
    for (unsigned i = 0; i < threads; ++i) {
      workers_.push_back(std::make_unique<HttpWorker>(shared_, each));
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
  std::uint32_t max_connections() const { return max_connections_; }
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
    HttpWorker& worker = *workers_[next_worker_++ % workers_.size()];
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

  // accept() takes a descriptor before it looks whether anybody is there.
  static bool somebody_waits(Acceptor& acceptor) {
    pollfd caller{acceptor.native_handle(), POLLIN, 0};
    return ::poll(&caller, 1, 0) > 0;
  }

  // Out of descriptors, most likely: somebody else in the process took them, or the whole system
  // has no more. Those that idle longest make room, and the next one is accepted at once.
  void accept_later(Acceptor& acceptor, error_code error) {
    if (!somebody_waits(acceptor)) return accept_after(acceptor, pause_without_callers);
    const auto now = steady_clock::now();
    if (told_ == steady_clock::time_point{} || now - told_ >= tell_interval) {
      told_ = now;
      spdlog::warn("tracker: accept failed: {}", error.message());
    }
    for (std::size_t i = 1; i < workers_.size(); ++i) {
      asio::post(workers_[i]->io, [&worker = *workers_[i]] { worker.evict(); });
    }
    const bool room = workers_.front()->evict();
    accept_after(acceptor, std::chrono::milliseconds(room ? 0 : 20));
  }

  void accept_after(Acceptor& acceptor, std::chrono::milliseconds pause) {
    auto timer = std::make_shared<asio::steady_timer>(workers_.front()->io);
    timer->expires_after(pause);
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
    HttpWorker& worker = *workers_.front();
    if (worker.stopping) return;
    worker.expiry.expires_after(refresh_interval);
    worker.expiry.async_wait([this, count](error_code error) {
      if (!error) tick(count + 1);
    });
  }

  HttpShared shared_;
  std::vector<std::unique_ptr<HttpWorker>> workers_;
  std::vector<std::unique_ptr<Acceptor>> acceptors_;
  std::size_t next_worker_ = 0;
  std::uint16_t port_ = 0;
  std::uint32_t max_connections_ = 0;
  steady_clock::time_point told_{};  // when a failed accept was last told of
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
std::uint32_t HttpServer::max_connections() const {
  return impl_->max_connections();
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
