#include "client/fetch.hpp"

#include <arpa/inet.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>

#include <catch2/catch.hpp>
#include <fstream>

#include "harness.hpp"
#include "own_network.hpp"
#include "script_server.hpp"

using namespace barter;
using namespace barter::testing;
using namespace std::chrono_literals;

namespace {

ScriptServer::Script always(std::string reply) {
  return [reply = std::move(reply)](ScriptServer::Peer& peer, const std::string&) {
    peer.write(reply);
  };
}

FetchOptions within(std::chrono::milliseconds deadline) {
  FetchOptions out;
  out.deadline = deadline;
  return out;
}

}  // namespace

TEST_CASE("a body comes with its length, in chunks, or up to the end of the stream") {
  const std::string chunked =
      "HTTP/1.1 200 OK\r\nTransfer-Encoding: "
      "chunked\r\n\r\n3;ext=1\r\nabc\r\n4\r\ndefg\r\n0\r\n\r\n";
  for (const std::string& reply :
       {http("abcdefg"), chunked, std::string("HTTP/1.0 200 OK\r\n\r\nabcdefg")}) {
    ScriptServer server(always(reply));
    const auto got = fetch(server.url("/x?y=1"));
    REQUIRE(got.has_value());
    CHECK(got->status == 200);
    CHECK(got->body == "abcdefg");
    const std::string head = server.heads().at(0);
    CHECK(head.starts_with("GET /x?y=1 HTTP/1.1\r\n"));
    CHECK(head.find("User-Agent: barter/") != std::string::npos);
    CHECK(head.find("Host: 127.0.0.1:" + std::to_string(server.port())) != std::string::npos);
  }
}

TEST_CASE("a head that only odd servers send is understood, in one piece or byte by byte") {
  const std::string head = GENERATE("HTTP/1.1 200\r\nContent-Length: 4\r\n\r\n",
                                    "HTTP/1.1 200 \r\nContent-Length: 4\r\n\r\n",
                                    "HTTP/1.1 200 OK\nContent-Length: 4\n\n");
  const bool at_once = GENERATE(true, false);
  ScriptServer server([&](ScriptServer::Peer& peer, const std::string&) {
    const std::string all = head + "body";
    if (at_once) peer.write(all);
    for (std::size_t i = 0; !at_once && i < all.size(); ++i) peer.write(all.substr(i, 1));
  });
  const auto reply = fetch(server.url());
  REQUIRE(reply.has_value());
  CHECK(reply->status == 200);
  CHECK(reply->body == "body");
}

TEST_CASE("a body cut short is an error") {
  ScriptServer server(always("HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nabc"));
  CHECK_FALSE(fetch(server.url()).has_value());
}

TEST_CASE("what is known is named, and need not come again") {
  ScriptServer server([](ScriptServer::Peer& peer, const std::string& head) {
    const bool known = head.find("If-None-Match: \"a b\"\r\n") != std::string::npos;
    peer.write(known ? "HTTP/1.1 304 Not Modified\r\nETag: \"a b\"\r\nBarter-Peer-Port: 7\r\n\r\n"
                     : http("abc", "ETag: \"a b\"\r\n"));
    peer.wait_closed(2000);
  });
  const auto first = fetch(server.url());
  REQUIRE(first.has_value());
  CHECK(first->etag == "\"a b\"");
  FetchOptions options;
  options.if_none_match = first->etag;
  const auto again = fetch(server.url(), options);
  REQUIRE(again.has_value());
  CHECK(again->status == 304);
  CHECK(again->body.empty());
  CHECK(again->peer_port == 7);
}

TEST_CASE("gzip is inflated, within its limit") {
  const std::string plain(100'000, 'a');
  ScriptServer server(always(http(gzip(plain), "Content-Encoding: gzip\r\n")));
  const auto got = fetch(server.url());
  REQUIRE(got.has_value());
  CHECK(got->body == plain);

  ScriptServer bomb(always(http(gzip(std::string(64 << 20, '\0')), "Content-Encoding: gzip\r\n")));
  const auto burst = fetch(bomb.url());
  REQUIRE(burst.has_error());
  CHECK(burst.error().code == Errc::protocol);

  ScriptServer broken(always(http("no gzip", "Content-Encoding: gzip\r\n")));
  CHECK(fetch(broken.url()).has_error());
}

TEST_CASE("a body longer than the limit ends the fetch, declared or not") {
  ScriptServer declared(always("HTTP/1.1 200 OK\r\nContent-Length: 99999999\r\n\r\n"));
  const auto first = fetch(declared.url());
  REQUIRE(first.has_error());
  CHECK(first.error().code == Errc::protocol);

  ScriptServer endless([](ScriptServer::Peer& peer, const std::string&) {
    peer.write("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n");
    while (peer.write("1000\r\n" + std::string(4096, 'x') + "\r\n")) {
    }
  });
  const auto second = fetch(endless.url());
  REQUIRE(second.has_error());
  CHECK(second.error().code == Errc::protocol);

  // Tiny chunks with long extensions: little body, much wire.
  ScriptServer padded([](ScriptServer::Peer& peer, const std::string&) {
    peer.write("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n");
    while (peer.write("1;" + std::string(2000, 'e') + "\r\nx\r\n")) {
    }
  });
  CHECK(fetch(padded.url()).has_error());
}

TEST_CASE("the deadline holds against silence and against a drip") {
  ScriptServer silent([](ScriptServer::Peer& peer, const std::string&) { peer.wait_closed(5000); });
  ScriptServer drip([](ScriptServer::Peer& peer, const std::string&) {
    peer.write("HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n");
    while (peer.write("x") && !peer.wait_closed(50)) {
    }
  });
  for (const ScriptServer* server : {&silent, &drip}) {
    const auto begin = std::chrono::steady_clock::now();
    const auto got = fetch(server->url(), within(400ms));
    REQUIRE(got.has_error());
    CHECK(got.error().code == Errc::timed_out);
    CHECK(std::chrono::steady_clock::now() - begin < 2s);
  }
}

TEST_CASE("a fetch that is cancelled ends at once, whatever it waits for") {
  ScriptServer silent([](ScriptServer::Peer& peer, const std::string&) { peer.wait_closed(5000); });
  ScriptServer drip([](ScriptServer::Peer& peer, const std::string&) {
    peer.write("HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n");
    while (peer.write("x") && !peer.wait_closed(50)) {
    }
  });
  for (const ScriptServer* server : {&silent, &drip}) {
    const auto begin = std::chrono::steady_clock::now();
    const auto after = [&](std::chrono::milliseconds time) {
      return [=] { return std::chrono::steady_clock::now() - begin >= time; };
    };
    const auto got = fetch(server->url("/secret"), within(20s), after(200ms));
    REQUIRE(got.has_error());
    CHECK(got.error().code == Errc::cancelled);
    CHECK(std::chrono::steady_clock::now() - begin < 2s);
    CHECK(server->connections() == 1);
  }
}

TEST_CASE("a fetch that nobody cancels is not disturbed by being asked") {
  ScriptServer slow([](ScriptServer::Peer& peer, const std::string&) {
    peer.wait_closed(200);
    peer.write(http("late"));
  });
  int asked = 0;
  const auto got = fetch(slow.url(), {}, [&] {
    ++asked;
    return false;
  });
  REQUIRE(got.has_value());
  CHECK(got->body == "late");
  CHECK(asked > 0);
}

TEST_CASE("a fetch leaves from the address that it was told, and from no other family") {
  ScriptServer server([](ScriptServer::Peer& peer, const std::string&) {
    sockaddr_in remote{};
    socklen_t size = sizeof remote;
    getpeername(peer.descriptor(), reinterpret_cast<sockaddr*>(&remote), &size);
    peer.write(http(::inet_ntoa(remote.sin_addr)));
  });
  FetchOptions options;
  options.connect_from = {*Address::parse("127.0.0.9")};
  const auto from = fetch(server.url(), options);
  REQUIRE(from.has_value());
  CHECK(from->body == "127.0.0.9");
  options.connect_from = {*Address::parse("::1")};
  const auto other = fetch(server.url(), options);
  REQUIRE(other.has_error());
  CHECK(other.error().code == Errc::not_found);
  options.connect_from = {*Address::parse("192.0.2.1")};  // not ours
  const auto foreign = fetch(server.url(), options);
  REQUIRE(foreign.has_error());
  CHECK(foreign.error().code == Errc::network);
}

TEST_CASE("redirects are followed five times, to http and https only") {
  ScriptServer target(always(http("here")));
  ScriptServer around([&](ScriptServer::Peer& peer, const std::string& head) {
    const std::string path = head.substr(4, head.find(' ', 4) - 4);
    std::string to = "/loop";
    if (path == "/once") to = target.url("/end");
    if (path == "/ftp") to = "ftp://127.0.0.1/x";
    if (path == "/file") to = "file:///etc/passwd";
    if (path.starts_with("/count")) {
      const int n = std::stoi(path.substr(6));
      to = n == 0 ? target.url("/end") : "/count" + std::to_string(n - 1);
    }
    peer.write("HTTP/1.1 302 Found\r\nContent-Length: 0\r\nLocation: " + to + "\r\n\r\n");
  });
  const auto once = fetch(around.url("/once"));
  REQUIRE(once.has_value());
  CHECK(once->body == "here");
  CHECK(once->url == target.url("/end"));
  CHECK(fetch(around.url("/count4")).has_value());
  CHECK(fetch(around.url("/count5")).has_error());
  CHECK(fetch(around.url("/loop")).has_error());
  CHECK(fetch(around.url("/ftp")).has_error());
  CHECK(fetch(around.url("/file")).has_error());
}

TEST_CASE("a redirect leads from a public address to public ones only") {
  const auto complaint = in_own_network("1.2.3.4", "127.0.0.1 inner.test\n", [] {
    const Address open = *Address::parse("1.2.3.4");
    ScriptServer inner(always(http("inner")));
    ScriptServer outer(always(http("outer")), true, {open, 0});
    std::string to;
    const auto redirect = [&](ScriptServer::Peer& peer, const std::string&) {
      peer.write("HTTP/1.1 302 Found\r\nContent-Length: 0\r\nLocation: " + to + "\r\n\r\n");
    };
    ScriptServer from_outer(redirect, true, {open, 0}), from_inner(redirect);
    const std::string by_name = "http://inner.test:" + std::to_string(inner.port()) + "/";
    std::string out;
    for (const std::string& target : {inner.url(), by_name}) {
      to = target;
      const auto refused = fetch(from_outer.url());
      if (refused || refused.error().code != Errc::rejected) out += "let in at " + to + "; ";
    }
    if (inner.connections() != 0) out += "the inner one was asked; ";
    for (const auto& [from, target] :
         {std::pair(&from_outer, outer.url()), std::pair(&from_inner, outer.url()),
          std::pair(&from_inner, by_name)}) {
      to = target;
      const auto followed = fetch(from->url());
      if (!followed) out += "refused " + to + ": " + followed.error().message + "; ";
    }
    return out;
  });
  CHECK(complaint.value_or("") == "");
}

TEST_CASE("any status is a reply, with Retry-After") {
  ScriptServer server(
      always("HTTP/1.1 503 Wait\r\nRetry-After: 7\r\nContent-Length: 4\r\n\r\nbusy"));
  const auto got = fetch(server.url());
  REQUIRE(got.has_value());
  CHECK(got->status == 503);
  CHECK(got->retry_after == 7s);
  CHECK(got->body == "busy");
}

TEST_CASE("what is no HTTP, refuses, or is no URL is an error without secrets") {
  ScriptServer garbage(always(std::string(5000, 'z')));
  const auto got = fetch(garbage.url("/0123456789abcdef0123456789abcdef/announce"));
  REQUIRE(got.has_error());
  CHECK(got.error().code == Errc::protocol);
  CHECK(got.error().message.find("0123456789abcdef") == std::string::npos);

  std::uint16_t closed_port = 0;
  { closed_port = ScriptServer(always("")).port(); }
  const auto refused = fetch("http://127.0.0.1:" + std::to_string(closed_port) + "/");
  REQUIRE(refused.has_error());
  CHECK(refused.error().code == Errc::network);
  CHECK(fetch("gopher://x/").has_error());
  CHECK(fetch("").has_error());
}

namespace {

struct Certificate {
  Folder folder;
  std::string file = (folder / "certificate.pem").string();
  EVP_PKEY* key = EVP_PKEY_Q_keygen(nullptr, nullptr, "EC", "P-256");
  X509* x509 = X509_new();

  Certificate() {
    X509_set_version(x509, 2);
    ASN1_INTEGER_set(X509_get_serialNumber(x509), 1);
    X509_gmtime_adj(X509_getm_notBefore(x509), -3600);
    X509_gmtime_adj(X509_getm_notAfter(x509), 3600);
    X509_set_pubkey(x509, key);
    X509_NAME* name = X509_get_subject_name(x509);
    X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_ASC,
                               reinterpret_cast<const unsigned char*>("barter test"), -1, -1, 0);
    X509_set_issuer_name(x509, name);
    X509_EXTENSION* names =
        X509V3_EXT_conf_nid(nullptr, nullptr, NID_subject_alt_name, "IP:127.0.0.1");
    X509_add_ext(x509, names, -1);
    X509_EXTENSION_free(names);
    X509_sign(x509, key, EVP_sha256());
    std::FILE* out = std::fopen(file.c_str(), "w");
    PEM_write_X509(out, x509);
    std::fclose(out);
  }
  ~Certificate() {
    X509_free(x509);
    EVP_PKEY_free(key);
  }
};

}  // namespace

TEST_CASE("HTTPS checks the certificate") {
  const Certificate certificate;
  SSL_CTX* context = SSL_CTX_new(TLS_server_method());
  SSL_CTX_use_certificate(context, certificate.x509);
  SSL_CTX_use_PrivateKey(context, certificate.key);
  ScriptServer server(
      [&](ScriptServer::Peer& peer, const std::string&) {
        SSL* ssl = SSL_new(context);
        SSL_set_fd(ssl, peer.descriptor());
        if (SSL_accept(ssl) == 1) {
          char room[4096];
          SSL_read(ssl, room, sizeof room);
          const std::string reply = http("secret");
          SSL_write(ssl, reply.data(), static_cast<int>(reply.size()));
          SSL_shutdown(ssl);
        }
        SSL_free(ssl);
      },
      false);
  const std::string url = "https://127.0.0.1:" + std::to_string(server.port()) + "/";
  const auto stranger = fetch(url);
  REQUIRE(stranger.has_error());
  CHECK(stranger.error().message.find("certificate") != std::string::npos);
  CHECK(stranger.error().code == Errc::certificate);

  FetchOptions trusting;
  trusting.certificate_file = certificate.file;
  const auto trusted = fetch(url, trusting);
  if (!trusted) FAIL(trusted.error().message);
  CHECK(trusted->body == "secret");

  // Trusted, but not for this name.
  const auto other = fetch("https://localhost:" + std::to_string(server.port()) + "/", trusting);
  CHECK(other.has_error());
  SSL_CTX_free(context);
}
