#include "tracker/http_connections.hpp"

#include <netinet/tcp.h>
#include <sys/resource.h>
#include <sys/socket.h>

#include <algorithm>
#include <array>

#include <fmt/format.h>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/core/tcp_stream.hpp>
#include <boost/beast/http/empty_body.hpp>
#include <boost/beast/http/parser.hpp>
#include <boost/beast/http/read.hpp>
#include <boost/beast/http/status.hpp>

#include "tracker/http_service.hpp"

namespace barter::tracker {
namespace {

namespace asio = boost::asio;
namespace beast = boost::beast;
namespace http = boost::beast::http;
using asio::ip::tcp;
using boost::system::error_code;
using std::chrono::seconds;
using std::chrono::steady_clock;

// How long stop() lets answers finish; how long and for how many bytes a closed connection is
// listened to, so that the answer before the close is not lost to a reset.
constexpr auto stop_grace = seconds(1);
constexpr auto linger_time = seconds(1);
constexpr std::size_t linger_bytes = 64 * 1024;
// The slowest reader of a long answer that we put up with, in bytes a second.
constexpr std::size_t slowest_reader = 16 * 1024;
// Handed to the kernel at a time.
constexpr std::size_t send_at_once = 128 * 1024;
// A client that has taken nothing for so long may be given up for another one.
constexpr auto sender_patience = seconds(1);
// How many of those who are sent something are looked at for one of a certain host.
constexpr int senders_looked_at = 64;
// From so many connections on, a quarter is kept from any single address.
constexpr std::uint32_t shared_from = 64;

Endpoint from_asio(const tcp::endpoint& endpoint) {
  const auto address = endpoint.address();
  return {address.is_v4() ? Address::v4(address.to_v4().to_bytes())
                          : Address::v6(address.to_v6().to_bytes()),
          endpoint.port()};
}

// One host of the outside world: an IPv6 host has a whole /64.
Address host_of(const Address& address) {
  if (address.is_v4() || address.is_local()) return address;
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

}  // namespace

// A client: sniffed, then asked and answered until one side has enough. Kept alive by its handlers.
class HttpConnection : public std::enable_shared_from_this<HttpConnection> {
 public:
  HttpConnection(HttpWorker& worker, tcp::socket socket, Endpoint remote, Endpoint local)
      : worker_(worker),
        shared_(worker.shared),
        stream_(std::move(socket)),
        buffer_(shared_.options.header_bytes + 4096),
        remote_(remote),
        local_(local),
        host_(*worker.hosts.try_emplace(host_of(remote.address)).first) {
    ++worker_.open;
    ++host_.second.connections;
    shared_.service->connections().open.fetch_add(1);
  }

  void start() {
    // One deadline until the first header is whole, however slowly its bytes drip.
    header_deadline_ = steady_clock::now() + shared_.options.header_timeout;
    begin_waiting();
    read_beginning();
  }

  void close() {
    if (ended_) return;
    ended_ = true;
    stream_.close();
    forget();
  }

  const Address& host() const { return host_.first; }
  steady_clock::time_point last_progress() const { return last_progress_; }

 private:
  using Parser = http::request_parser<http::empty_body>;

  void begin_waiting() {
    if (place_) return;
    place_ = worker_.waiting.insert(worker_.waiting.end(), this);
    place_of_host_ = host_.second.waiting.insert(host_.second.waiting.end(), this);
  }
  void end_waiting() {
    if (!place_) return;
    worker_.waiting.erase(*place_);
    host_.second.waiting.erase(place_of_host_);
    place_.reset();
  }
  void end_sending() {
    if (!sending_place_) return;
    worker_.sending.erase(*sending_place_);
    sending_place_.reset();
    worker_.body_bytes -= body_.size();
    body_ = {};
    tail_.reset();
  }
  void forget() {
    end_waiting();
    end_sending();
    if (--host_.second.connections == 0) worker_.hosts.erase(Address(host_.first));
    shared_.service->connections().open.fetch_sub(1);
    --worker_.open;
    if (worker_.stopping && worker_.open == 0) worker_.force_stop.cancel();
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
    const auto text = [](auto view) { return std::string_view(view.data(), view.size()); };
    forwarded = forwarded_chain(forwarded, text(request[http::field::forwarded]),
                                text(request["X-Real-IP"]));
    const auto host = request[http::field::host];
    const auto known = request[http::field::if_none_match];
    HttpRequest out;
    out.target = {request.target().data(), request.target().size()};
    out.host = {host.data(), host.size()};
    out.forwarded_for = forwarded;
    out.if_none_match = {known.data(), known.size()};
    out.remote = remote_;
    out.local = local_;
    send(shared_.service->answer(out, steady_clock::now()));
  }

  void send(HttpReply reply) {
    if (worker_.stopping) keep_alive_ = false;
    if (!head_only_ && !worker_.admits_body(reply.body.size())) {
      reply = {503, "text/plain", "too much is being sent already\n", {{"Retry-After", "1"}}};
    }
    const std::size_t tail_size = reply.shared ? reply.shared->size() : 0;
    head_ = fmt::format("HTTP/1.1 {} {}\r\n", reply.status, reason(reply.status));
    if (reply.status != 304) {  // which has no body, nor says how long one would be
      head_ += fmt::format("Content-Type: {}\r\nContent-Length: {}\r\n", reply.content_type,
                           reply.body.size() + tail_size);
    }
    head_ += fmt::format("Connection: {}\r\n", keep_alive_ ? "keep-alive" : "close");
    for (const auto& [name, value] : reply.headers) head_ += fmt::format("{}: {}\r\n", name, value);
    head_ += "\r\n";
    if (!head_only_) {
      body_ = std::move(reply.body);
      tail_ = std::move(reply.shared);
    }
    sent_bytes_ = 0;
    reply_bytes_ = head_.size() + body_.size() + (tail_ ? tail_->size() : 0);
    worker_.body_bytes += body_.size();
    sending_place_ = worker_.sending.insert(worker_.sending.end(), this);
    last_progress_ = steady_clock::now();
    reply_deadline_ = last_progress_ + shared_.options.idle_timeout +
                      seconds(static_cast<std::int64_t>(reply_bytes_ / slowest_reader));
    if (reply_bytes_ > send_at_once) {
      limit_unsent();
      reset_at_close(true);
    }
    send_more();
  }

  // What the kernel holds for a client that does not read is memory, too.
  void limit_unsent() {
    const int bytes = static_cast<int>(send_at_once);
    (void)::setsockopt(stream_.socket().native_handle(), IPPROTO_TCP, TCP_NOTSENT_LOWAT, &bytes,
                       sizeof bytes);
  }

  // What is given up is given up in the kernel, too.
  void reset_at_close(bool reset) {
    error_code ignored;
    stream_.socket().set_option(asio::socket_base::linger(reset, 0), ignored);
  }

  void send_more() {
    stream_.expires_at(std::min(reply_deadline_, last_progress_ + shared_.options.idle_timeout));
    stream_.async_write_some(next_buffers(),
                             [self = shared_from_this()](error_code error, std::size_t bytes) {
                               if (self->ended_) return;
                               if (error) return self->close();
                               self->sent_bytes_ += bytes;
                               if (self->sent_bytes_ == self->reply_bytes_) return self->sent();
                               self->last_progress_ = steady_clock::now();
                               auto& sending = self->worker_.sending;
                               sending.splice(sending.end(), sending, *self->sending_place_);
                               self->send_more();
                             });
  }

  std::array<asio::const_buffer, 3> next_buffers() const {
    std::array<asio::const_buffer, 3> out;
    std::size_t skipped = sent_bytes_, room = send_at_once;
    std::size_t used = 0;
    for (const std::string* part : {&head_, &body_, tail_.get()}) {
      if (part == nullptr) continue;
      const std::size_t from = std::min(skipped, part->size());
      const std::size_t size = std::min(part->size() - from, room);
      skipped -= from;
      room -= size;
      out[used++] = asio::buffer(part->data() + from, size);
    }
    return out;
  }

  void sent() {
    if (reply_bytes_ > send_at_once) reset_at_close(false);
    end_sending();
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

  HttpWorker& worker_;
  HttpShared& shared_;
  beast::tcp_stream stream_;
  beast::flat_buffer buffer_;
  std::optional<Parser> parser_;
  // What is being sent.
  std::string head_, body_;
  std::shared_ptr<const std::string> tail_;
  std::size_t sent_bytes_ = 0, reply_bytes_ = 0;
  steady_clock::time_point last_progress_{}, reply_deadline_{};
  const Endpoint remote_, local_;
  HttpWorker::Hosts::value_type& host_;  // as long as it is counted there
  steady_clock::time_point header_deadline_{};
  // In the worker's lists, and in that of the host.
  std::optional<HttpWorker::Connections::iterator> place_, sending_place_;
  HttpWorker::Connections::iterator place_of_host_;
  bool keep_alive_ = false, head_only_ = false, ended_ = false;
};

std::uint32_t descriptor_limit() {
  rlimit limit{};
  if (::getrlimit(RLIMIT_NOFILE, &limit) != 0) return 1024;
  return static_cast<std::uint32_t>(std::min<rlim_t>(limit.rlim_cur, 1 << 30));
}

std::uint32_t connections_that_fit(const HttpServerOptions& options, std::uint32_t descriptors) {
  const std::uint32_t reserved = options.reserved_descriptors;
  const std::uint32_t spare = descriptors > 2 * reserved ? descriptors - reserved : descriptors / 2;
  return std::clamp(spare, 1u, std::max(1u, options.max_connections));
}

HttpCaps caps_of_worker(const HttpServerOptions& options, std::uint32_t connections,
                        unsigned workers) {
  HttpCaps out;
  out.connections = std::max(1u, connections);
  const std::uint32_t most =
      out.connections < shared_from ? out.connections : out.connections - out.connections / 4;
  const auto share = [&](std::uint32_t of_all) {
    return std::clamp((of_all + workers - 1) / workers, 1u, most);
  };
  out.per_address = share(options.max_connections_per_address);
  out.per_local_address = share(
      std::max(options.max_connections_per_address, options.max_connections_per_local_address));
  out.body_bytes = options.max_body_bytes / workers;
  return out;
}

void HttpWorker::start_connection(tcp::socket socket, Endpoint remote) {
  auto& counters = shared.service->connections();
  error_code error;
  const auto local = socket.local_endpoint(error);
  if (error || stopping) return;
  const std::uint32_t most = remote.address.is_local() ? caps.per_local_address : caps.per_address;
  const bool room =
      (shared.service->is_proxy(remote.address) || make_room_for(host_of(remote.address), most)) &&
      (open < caps.connections || evict());
  if (!room) {
    counters.shed.fetch_add(1);
    return;
  }
  socket.set_option(tcp::no_delay(true), error);
  counters.accepted.fetch_add(1);
  std::make_shared<HttpConnection>(*this, std::move(socket), remote, from_asio(local))->start();
}

// One of the host's own goes if it has as many as it may.
bool HttpWorker::make_room_for(const Address& host, std::uint32_t most) {
  const auto found = hosts.find(host);
  if (found == hosts.end() || found->second.connections < most) return true;
  if (found->second.waiting.empty()) return evict_sender(&host);
  shared.service->connections().shed.fetch_add(1);
  found->second.waiting.front()->close();
  return true;
}

bool HttpWorker::evict() {
  if (waiting.empty()) return evict_sender(nullptr);
  shared.service->connections().shed.fetch_add(1);
  waiting.front()->close();
  return true;
}

// Of any host, or of that one.
bool HttpWorker::evict_sender(const Address* host) {
  const auto before = steady_clock::now() - sender_patience;
  int looked_at = 0;
  for (HttpConnection* one : sending) {
    if (one->last_progress() > before || looked_at++ == senders_looked_at) return false;
    if (host != nullptr && one->host() != *host) continue;
    shared.service->connections().shed.fetch_add(1);
    one->close();
    return true;
  }
  return false;
}

bool HttpWorker::admits_body(std::size_t bytes) {
  const auto too_much = [&] { return body_bytes != 0 && body_bytes + bytes > caps.body_bytes; };
  while (too_much() && evict_sender(nullptr)) {
  }
  return !too_much();
}

void HttpWorker::stop() {
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

}  // namespace barter::tracker
