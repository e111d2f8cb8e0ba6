#include "dht/krpc.hpp"

#include <catch2/catch.hpp>

namespace barter::dht {
namespace {

const NodeId asker = NodeId::from("abcdefghij0123456789").value();
const NodeId other = NodeId::from("mnopqrstuvwxyz123456").value();

template <class T>
T parsed(std::string_view datagram) {
  const auto message = parse(datagram);
  REQUIRE(message.has_value());
  REQUIRE(std::holds_alternative<T>(*message));
  return std::get<T>(*message);
}

TEST_CASE("the queries of BEP 5, both ways") {
  const auto both = [](std::string_view bytes, Method method) {
    const auto query = parsed<Query>(bytes);
    CHECK(query.method == method);
    CHECK(query.id == asker);
    CHECK(encode(query) == bytes);
    return query;
  };
  both("d1:ad2:id20:abcdefghij0123456789e1:q4:ping1:t2:aa1:y1:qe", Method::ping);
  CHECK(
      both("d1:ad2:id20:abcdefghij01234567896:target20:mnopqrstuvwxyz123456e1:q9:find_node1:t2:aa1:"
           "y1:qe",
           Method::find_node)
          .target == other);
  CHECK(
      both("d1:ad2:id20:abcdefghij01234567899:info_hash20:mnopqrstuvwxyz123456e1:q9:get_peers1:t2:"
           "aa1:y1:qe",
           Method::get_peers)
          .target == other);
  const auto announce = both(
      "d1:ad2:id20:abcdefghij012345678912:implied_porti1e9:info_hash20:mnopqrstuvwxyz1234564:"
      "porti6881e"
      "5:token8:aoeusnthe1:q13:announce_peer1:t2:aa1:y1:qe",
      Method::announce_peer);
  CHECK(announce.implied_port);
  CHECK(announce.port == 6881);
  CHECK(announce.token == "aoeusnth");
}

TEST_CASE("the responses of BEP 5, both ways") {
  const auto both = [](std::string_view bytes) {
    const auto response = parsed<Response>(bytes);
    CHECK(encode(response) == bytes);
    return response;
  };
  CHECK(both("d1:rd2:id20:mnopqrstuvwxyz123456e1:t2:aa1:y1:re").id == other);
  const auto peers = both(
      "d1:rd2:id20:abcdefghij01234567895:token8:aoeusnth6:valuesl6:axje.u6:idhtnmee1:t2:aa1:y1:re");
  REQUIRE(peers.values.size() == 2);
  CHECK(to_string(peers.values[0]) == "97.120.106.101:11893");
  const auto nodes = both(
      "d1:rd2:id20:abcdefghij01234567895:nodes26:mnopqrstuvwxyz123456axje.u5:token8:aoeusnthe1:t2:"
      "aa1:"
      "y1:re");
  REQUIRE(nodes.nodes.size() == 1);
  CHECK(nodes.nodes[0].id == other);
}

TEST_CASE("the error of BEP 5") {
  const auto error = parsed<ErrorMessage>("d1:eli201e23:A Generic Error Ocurrede1:t2:aa1:y1:ee");
  CHECK(error.code == 201);
  CHECK(error.text == "A Generic Error Ocurred");
  CHECK(encode(error) == "d1:eli201e23:A Generic Error Ocurrede1:t2:aa1:y1:ee");
}

TEST_CASE("both families, read-only, version, and as whom we were seen") {
  Query query;
  query.method = Method::find_node;
  query.transaction = "tt";
  query.id = asker;
  query.target = other;
  query.want = Want{true, true};
  query.read_only = true;
  query.version = "BA01";
  const std::string bytes = encode(query);
  CHECK(bytes.find("2:roi1e") != std::string::npos);
  CHECK(bytes.find("4:wantl2:n42:n6e") != std::string::npos);
  const auto again = parsed<Query>(bytes);
  CHECK(again.read_only);
  CHECK(again.want == Want{true, true});
  CHECK(again.version == "BA01");

  Response response;
  response.transaction = "tt";
  response.id = other;
  response.ip = Endpoint::parse("[2001:db8::1]:6881").value();
  response.nodes = {{asker, Endpoint::parse("[2001:db8::2]:1").value()},
                    {other, Endpoint::parse("1.2.3.4:2").value()}};
  const std::string answer = encode(response);
  const auto back = parsed<Response>(answer);
  CHECK(back.ip == response.ip);
  REQUIRE(back.nodes.size() == 2);  // IPv4 first
  CHECK(back.nodes[0] == response.nodes[1]);
  CHECK(back.nodes[1] == response.nodes[0]);
}

TEST_CASE("items travel as they are") {
  Query put;
  put.method = Method::put;
  put.transaction = "x";
  put.id = asker;
  put.token = "token";
  put.item.value = "d1:ai1e1:bl1:cee";
  put.item.key.emplace();
  put.item.signature.emplace();
  put.item.salt = "salt";
  put.item.sequence = 4;
  put.item.cas = 3;
  const std::string bytes = encode(put);
  const auto again = parsed<Query>(bytes);
  CHECK(again.item.value == put.item.value);
  CHECK(again.item.cas == 3);
  CHECK(again.item.sequence == 4);
  CHECK(again.item.salt == "salt");
  CHECK(encode(again) == bytes);
}

TEST_CASE("samples") {
  Response response;
  response.transaction = "x";
  response.id = other;
  response.samples.emplace();
  const std::string none = encode(response);
  CHECK(none.find("7:samples0:") != std::string::npos);  // present, if empty
  response.samples->push_back({asker.bytes});
  response.interval = 600;
  response.num = 7;
  const std::string one = encode(response);
  const auto back = parsed<Response>(one);
  REQUIRE(back.samples);
  CHECK(back.samples->size() == 1);
  CHECK(back.interval == 600);
  CHECK(back.num == 7);
}

TEST_CASE("queries that deserve an error") {
  const auto code = [](std::string_view bytes) { return parsed<BadQuery>(bytes).code; };
  CHECK(code("d1:ade1:q4:ping1:t2:aa1:y1:qe") == 203);
  CHECK(code("d1:ad2:id3:abce1:q4:ping1:t2:aa1:y1:qe") == 203);
  CHECK(code("d1:ad2:id20:abcdefghij0123456789e1:q9:find_node1:t2:aa1:y1:qe") == 203);
  CHECK(code("d1:ad2:id20:abcdefghij0123456789e1:q5:vote!1:t2:aa1:y1:qe") == 204);
  CHECK(code("d1:q4:ping1:t2:aa1:y1:qe") == 203);
  CHECK(
      code(
          "d1:ad2:id20:abcdefghij01234567899:info_hash20:mnopqrstuvwxyz1234564:porti65536e5:token1:"
          "ae1:q13:announce_peer1:t2:aa1:y1:qe") == 203);
  // Unknown, but with a target: as find_node.
  CHECK(
      parsed<Query>("d1:ad2:id20:abcdefghij01234567896:target20:mnopqrstuvwxyz123456e1:q4:vote1:t2:"
                    "aa1:y1:qe")
          .method == Method::find_node);
}

TEST_CASE("what is no message") {
  for (const std::string_view bytes :
       {"", "d", "le", "i1e", "de", "d1:y1:qe", "d1:t2:aa1:y1:re", "d1:t2:aae",
        "d1:rd2:idi5ee1:t2:aa1:y1:re",
        "d1:rd2:id20:mnopqrstuvwxyz1234565:nodes25:1234567890123456789012345e1:t2:aa1:y1:re",
        "d1:rd2:id20:mnopqrstuvwxyz1234561:k3:abce1:t2:aa1:y1:re", "d1:t2:aa1:y1:ze",
        "d1:t2:aa1:y1:ee", "d1:rd2:id20:mnopqrstuvwxyz1234567:samples3:abce1:t2:aa1:y1:re",
        "d1:t40:aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa1:y1:re"}) {
    INFO(bytes);
    CHECK_FALSE(parse(bytes).has_value());
  }
  std::string deep = "d1:a";
  for (int i = 0; i < 1000; ++i) deep += "l";
  CHECK_FALSE(parse(deep).has_value());
  CHECK_FALSE(parse("d1:a" + std::to_string(max_received_bytes) + ":" +
                    std::string(max_received_bytes, 'x') + "e")
                  .has_value());
}

TEST_CASE("endpoints that nobody can reach are left out") {
  const std::string node(20, 'n');
  const std::string good = node + std::string("\x08\x08\x08\x08\x1a\xe1", 6);
  const std::string no_port = node + std::string("\x08\x08\x08\x08\0\0", 6);
  const std::string nowhere = node + std::string("\0\0\0\0\x1a\xe1", 6);
  const std::string many = node + std::string("\xe0\0\0\1\x1a\xe1", 6);
  const auto nodes = nodes_from_compact(good + no_port + nowhere + many, true);
  REQUIRE(nodes);
  CHECK(nodes->size() == 1);
}

}  // namespace
}  // namespace barter::dht
