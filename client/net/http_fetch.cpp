#include "client/net/http_fetch.hpp"

#include <openssl/evp.h>
#include <openssl/ssl.h>

#include <algorithm>
#include <boost/asio.hpp>
#include <boost/asio/ssl.hpp>
#include <boost/beast/core.hpp>
#include <boost/beast/http.hpp>
#include <charconv>
#include <memory>
#include <optional>
#include <vector>

#include "client/net/endpoints.hpp"
#include "client/net/inflate.hpp"
#include "client/net/reply_head.hpp"
#include "torrent/magnet.hpp"
#include "torrent/url.hpp"

namespace barter::net {

namespace {

namespace asio = boost::asio;
namespace beast = boost::beast;
namespace http = beast::http;
using asio::ip::tcp;
using boost::system::error_code;
using Tuple = asio::as_tuple_t<asio::use_awaitable_t<>>;
constexpr Tuple as_values{};

constexpr std::size_t header_bytes = 16 * 1024;
// What chunk headers and the like may add to the body on the wire.
constexpr std::uint64_t wire_overhead = 64 * 1024;
constexpr auto connect_timeout = std::chrono::seconds(10);  // for each address of a name

struct Transfer {  // all that one fetch holds; the deadline ends it by closing what is open
  explicit Transfer(asio::any_io_executor executor)
      : resolver(executor), socket(executor), connect_timer(executor), done(executor) {}
  std::string url;
  std::string place;  // how messages call it
  FetchOptions options;
  Family family = Family::any;
  std::vector<Address> addresses;  // of the first URL's host; empty: not known yet
  tcp::resolver resolver;
  tcp::socket socket;
  asio::steady_timer connect_timer;
  asio::steady_timer done;  // the deadline; cancelled when there is a result
  std::optional<Result<FetchReply>> result;
  bool abandoned = false;
  std::string authorization;  // for the origin of the first URL

  void abandon() {
    abandoned = true;
    resolver.cancel();
    close();
    connect_timer.cancel();
  }
  void close() {
    error_code ignored;
    socket.close(ignored);
  }
};
using TransferPtr = std::shared_ptr<Transfer>;

Error failed(const TransferPtr& transfer, Errc code, std::string_view what) {
  return Error{code, transfer->place + ": " + std::string(what)};
}

std::string base64(std::string_view text) {
  std::string out(4 * ((text.size() + 2) / 3) + 1, '\0');
  const int length = ::EVP_EncodeBlock(reinterpret_cast<unsigned char*>(out.data()),
                                       reinterpret_cast<const unsigned char*>(text.data()),
                                       static_cast<int>(text.size()));
  out.resize(static_cast<std::size_t>(length));
  return out;
}

asio::awaitable<Result<std::vector<Endpoint>>> resolve(TransferPtr transfer, Url url) {
  std::vector<Endpoint> out;
  if (const auto literal = Address::parse(url.host)) {
    out.push_back({*literal, url.port});
  } else if (!transfer->addresses.empty()) {
    for (const Address& address : transfer->addresses) out.push_back({address, url.port});
  } else {
    const auto answer = co_await transfer->resolver.async_resolve(
        url.host, std::to_string(url.port), tcp::resolver::address_configured, as_values);
    if (const error_code error = std::get<0>(answer)) {
      co_return failed(transfer, Errc::network, "cannot resolve the name: " + error.message());
    }
    for (const auto& entry : std::get<1>(answer)) out.push_back(from_asio(entry.endpoint()));
  }
  std::erase_if(out, [&](const Endpoint& endpoint) {
    return endpoint.address.is_multicast() ||
           (transfer->family == Family::v4 && !endpoint.address.is_v4()) ||
           (transfer->family == Family::v6 && endpoint.address.is_v4()) ||
           !has_source(transfer->options.connect_from, endpoint);
  });
  if (out.empty()) co_return failed(transfer, Errc::not_found, "the name has no address to use");
  co_return out;
}

asio::awaitable<Result<Endpoint>> connect(TransferPtr transfer, std::vector<Endpoint> endpoints) {
  error_code last = asio::error::host_unreachable;
  for (const Endpoint& endpoint : endpoints) {
    transfer->close();
    last = bind_source(transfer->socket, transfer->options.connect_from, endpoint);
    if (last) continue;
    transfer->connect_timer.expires_after(connect_timeout);
    transfer->connect_timer.async_wait([transfer](const error_code& cancelled) {
      if (!cancelled) transfer->close();
    });
    const auto connected = co_await transfer->socket.async_connect(to_asio(endpoint), as_values);
    transfer->connect_timer.cancel();
    last = std::get<0>(connected);
    if (transfer->abandoned) break;
    if (!last) co_return endpoint;
  }
  co_return failed(transfer, Errc::network,
                   last == asio::error::operation_aborted ? "timed out while connecting"
                                                          : "cannot connect: " + last.message());
}

using Parser = http::response_parser<http::string_body>;

// The head, tidied, and what came of the body with it.
template <class Stream>
asio::awaitable<error_code> read_head(Stream& stream, beast::flat_buffer& buffer) {
  std::string bytes;
  std::optional<std::size_t> end;
  while (!end) {
    if (bytes.size() > header_bytes) co_return make_error_code(http::error::header_limit);
    const std::size_t had = bytes.size();
    bytes.resize(had + 4096);
    const auto read = co_await stream.async_read_some(asio::buffer(&bytes[had], 4096), as_values);
    bytes.resize(had + std::get<1>(read));
    const error_code error = std::get<0>(read);
    if (error && bytes.empty()) co_return make_error_code(http::error::end_of_stream);
    if (error) co_return make_error_code(http::error::partial_message);
    end = end_of_head(bytes);
  }
  const std::string all = tidy_head(std::string_view(bytes).substr(0, *end)) + bytes.substr(*end);
  asio::buffer_copy(buffer.prepare(all.size()), asio::buffer(all));
  buffer.commit(all.size());
  co_return error_code{};
}

// Sends the request and reads the reply on a stream that is open.
template <class Stream>
asio::awaitable<Result<std::shared_ptr<Parser>>> exchange(TransferPtr transfer, Url url,
                                                          std::shared_ptr<Stream> stream) {
  http::request<http::empty_body> request{http::verb::get, url.target(), 11};
  request.set(http::field::host, url.authority());
  request.set(http::field::user_agent, user_agent());
  request.set(http::field::accept, "*/*");
  request.set(http::field::accept_encoding, "gzip");
  request.set(http::field::connection, "close");
  if (!transfer->options.if_none_match.empty()) {
    request.set(http::field::if_none_match, transfer->options.if_none_match);
  }
  if (!transfer->authorization.empty()) {
    request.set(http::field::authorization, transfer->authorization);
  }
  const auto sent = co_await http::async_write(*stream, request, as_values);
  if (const error_code error = std::get<0>(sent)) {
    co_return failed(transfer, Errc::network, "cannot send the request: " + error.message());
  }
  auto parser = std::make_shared<Parser>();
  parser->eager(true);
  parser->header_limit(header_bytes);
  parser->body_limit(transfer->options.wire_bytes);
  beast::flat_buffer buffer(header_bytes + 64 * 1024);
  std::uint64_t taken = 0;
  error_code error = co_await read_head(*stream, buffer);
  while (error || !parser->is_done()) {
    if (!error) {
      const auto read = co_await http::async_read_some(*stream, buffer, *parser, as_values);
      error = std::get<0>(read);
      taken += std::get<1>(read);
    }
    if (error == asio::ssl::error::stream_truncated) {
      // Half the web ends TLS without saying so. A body with a length still has to be whole.
      error = {};
      parser->put_eof(error);
    }
    if (error == http::error::body_limit || taken > transfer->options.wire_bytes + wire_overhead) {
      co_return failed(transfer, Errc::protocol, "the reply is too long");
    }
    if (error) {
      const bool ours = error.category() == make_error_code(http::error::bad_method).category();
      co_return failed(transfer, ours ? Errc::protocol : Errc::network,
                       "no valid reply: " + error.message());
    }
  }
  co_return parser;
}

Result<std::shared_ptr<asio::ssl::context>> tls_context(const TransferPtr& transfer) {
  const FetchOptions& options = transfer->options;
  auto context = std::make_shared<asio::ssl::context>(asio::ssl::context::tls_client);
  error_code error;
  context->set_default_verify_paths(error);
  if (!error && !options.certificate_file.empty()) {
    context->load_verify_file(options.certificate_file, error);
  }
  if (error) return failed(transfer, Errc::network, "cannot load certificates: " + error.message());
  ::SSL_CTX_set_min_proto_version(context->native_handle(), TLS1_2_VERSION);
  context->set_verify_mode(asio::ssl::verify_peer);
  return context;
}

asio::awaitable<Result<std::shared_ptr<Parser>>> exchange_tls(TransferPtr transfer, Url url) {
  using Stream = asio::ssl::stream<tcp::socket&>;
  const auto context = tls_context(transfer);
  if (!context) co_return context.error();
  const auto stream = std::make_shared<Stream>(transfer->socket, **context);
  stream->set_verify_callback(asio::ssl::host_name_verification(url.host));
  if (!Address::parse(url.host)) {
    ::SSL_set_tlsext_host_name(stream->native_handle(), url.host.c_str());
  }
  const auto shaken = co_await stream->async_handshake(asio::ssl::stream_base::client, as_values);
  if (const error_code error = std::get<0>(shaken)) {
    const long verified = ::SSL_get_verify_result(stream->native_handle());
    co_return failed(transfer, verified == X509_V_OK ? Errc::network : Errc::certificate,
                     verified == X509_V_OK ? "no TLS connection: " + error.message()
                                           : std::string("the certificate is not valid: ") +
                                                 ::X509_verify_cert_error_string(verified));
  }
  auto parser = co_await exchange(transfer, url, stream);
  co_return parser;
}

bool is_redirect(unsigned status) {
  return status == 301 || status == 302 || status == 303 || status == 307 || status == 308;
}

Result<FetchReply> finished(const Parser& parser, const Url& url, const TransferPtr& transfer) {
  const FetchOptions& options = transfer->options;
  const auto& message = parser.get();
  FetchReply out;
  out.status = message.result_int();
  out.content_type = std::string(message[http::field::content_type]);
  out.etag = std::string(message[http::field::etag]);
  out.url = to_string(url);
  const std::string_view wait = message[http::field::retry_after];
  std::uint32_t seconds = 0;
  if (std::from_chars(wait.data(), wait.data() + wait.size(), seconds).ec == std::errc()) {
    out.retry_after = std::chrono::seconds(seconds);
  }
  const std::string_view peer = message["Barter-Peer-Port"];
  std::uint16_t port = 0;
  if (std::from_chars(peer.data(), peer.data() + peer.size(), port).ec == std::errc() &&
      port != 0) {
    out.peer_port = port;
  }
  const std::string_view encoding = message[http::field::content_encoding];
  if (encoding.empty() || beast::iequals(encoding, "identity")) {
    out.body = message.body();
  } else if (beast::iequals(encoding, "gzip") || beast::iequals(encoding, "x-gzip") ||
             beast::iequals(encoding, "deflate")) {
    auto body = inflate(message.body(), options.inflated_bytes);
    if (!body) return failed(transfer, Errc::protocol, body.error().message);
    out.body = std::move(*body);
  } else {
    return failed(transfer, Errc::protocol, "an encoding that was not asked for");
  }
  if (out.body.size() > options.inflated_bytes) {
    return failed(transfer, Errc::protocol, "the reply is too long");
  }
  return out;
}

asio::awaitable<Result<FetchReply>> follow(TransferPtr transfer) {
  auto parsed = Url::parse(transfer->url);
  if (!parsed) co_return parsed.error();
  Url url = std::move(*parsed);
  bool was_public = false;
  if (!url.userinfo.empty()) {
    const auto plain = percent_decode(url.userinfo);
    transfer->authorization = "Basic " + base64(plain.value_or(url.userinfo));
  }
  for (unsigned hops = 0; !transfer->abandoned; ++hops) {
    if (transfer->options.name.empty()) transfer->place = redacted(to_string(url));
    if (!url.is_http()) co_return failed(transfer, Errc::invalid_url, "neither http nor https");
    auto endpoints = co_await resolve(transfer, url);
    if (!endpoints) co_return endpoints.error();
    transfer->addresses.clear();  // a redirect may lead elsewhere
    if (was_public) {  // the resolved address counts, and it is the one that we connect to
      std::erase_if(*endpoints, [](const Endpoint& endpoint) {
        return endpoint.address.is_local() || endpoint.address.is_unspecified();
      });
      if (endpoints->empty()) {
        co_return failed(transfer, Errc::rejected,
                         "a redirect into a private network is not followed");
      }
    }
    auto connected = co_await connect(transfer, *endpoints);
    if (!connected) co_return connected.error();
    was_public =
        was_public || !(connected->address.is_local() || connected->address.is_unspecified());
    Result<std::shared_ptr<Parser>> reply = Error{Errc::cancelled, {}};
    if (url.scheme == "https") {
      reply = co_await exchange_tls(transfer, url);
    } else {
      const auto plain = std::shared_ptr<tcp::socket>(transfer, &transfer->socket);
      reply = co_await exchange(transfer, url, plain);
    }
    transfer->close();
    if (!reply) co_return reply.error();
    const std::string location((**reply).get()[http::field::location]);
    if (!is_redirect((**reply).get().result_int()) || location.empty()) {
      co_return finished(**reply, url, transfer);
    }
    if (is_magnet(location)) {
      FetchReply out;
      out.status = (**reply).get().result_int();
      out.url = to_string(url);
      out.magnet = location;
      co_return out;
    }
    if (hops >= transfer->options.redirects) {
      co_return failed(transfer, Errc::protocol, "too many redirects");
    }
    auto next = url.resolve(location);
    if (!next) co_return failed(transfer, Errc::protocol, "redirects to what is no URL");
    if (!next->same_origin(url)) transfer->authorization.clear();
    url = std::move(*next);
  }
  co_return failed(transfer, Errc::timed_out, "no reply in time");
}

asio::awaitable<void> run(TransferPtr transfer) {
  auto result = co_await follow(transfer);
  transfer->close();
  transfer->result = std::move(result);
  transfer->done.cancel();
}

}  // namespace

std::string user_agent() {
  return "barter/" BARTER_VERSION;
}

asio::awaitable<Result<FetchReply>> http_fetch(std::string url, FetchOptions options, Family family,
                                               std::vector<Address> addresses) {
  const auto executor = co_await asio::this_coro::executor;
  const auto transfer = std::make_shared<Transfer>(executor);
  transfer->url = std::move(url);
  transfer->options = std::move(options);
  transfer->place =
      transfer->options.name.empty() ? redacted(transfer->url) : transfer->options.name;
  transfer->family = family;
  transfer->addresses = std::move(addresses);
  transfer->done.expires_after(transfer->options.deadline);
  asio::co_spawn(executor, run(transfer), asio::detached);
  if (!transfer->result) {
    const auto waited = co_await transfer->done.async_wait(as_values);
    static_cast<void>(waited);
  }
  if (transfer->result) co_return std::move(*transfer->result);
  // The deadline, or cancelled. A look-up of a name cannot be stopped; it is left to end by itself.
  transfer->abandon();
  co_return failed(transfer, Errc::timed_out, "no reply in time");
}

}  // namespace barter::net
