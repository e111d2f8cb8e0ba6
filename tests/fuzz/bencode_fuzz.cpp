// Bencode: no input breaks the parser; what strict reading takes, the
// writer gives back byte for byte.
#include "tests/fuzz/fuzz.hpp"
#include "torrent/bencode.hpp"

using namespace barter;
using fuzz::require;

namespace {

// Recursion is fine here: the depth is limited to 32.
void rewrite(bencode::Node node, bencode::Writer& out) {
  if (const auto integer = node.integer()) out.integer(*integer);
  if (const auto string = node.string()) out.string(*string);
  if (node.type() == bencode::Type::list) {
    out.begin_list();
    for (const auto item : node.items()) rewrite(item, out);
    out.end();
  }
  if (node.type() == bencode::Type::dictionary) {
    out.begin_dictionary();
    for (const auto& [key, value] : node.entries()) {
      out.key(key);
      rewrite(value, out);
    }
    out.end();
  }
}

// Children lie one after the other within their parent. Returns the number of values.
std::size_t walk(bencode::Node node) {
  const char* const end = node.raw().data() + node.raw().size();
  const char* at = node.raw().data();
  std::size_t count = 1;
  const auto visit = [&](bencode::Node child) {
    require(child.raw().data() > at && child.raw().data() + child.raw().size() < end, "nesting");
    at = child.raw().data() + child.raw().size() - 1;
    count += walk(child);
  };
  for (const auto item : node.items()) visit(item);
  for (const auto& [key, value] : node.entries()) {
    require(node.find(key).has_value(), "a key is found");
    visit(value);
    if (count > 64) break;  // find is linear: do not spend all time here
  }
  return count;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view input = fuzz::text_of(data, size);
  bencode::Limits limits;
  const auto tolerant = bencode::parse(input, limits);
  const auto prefix = bencode::parse_prefix(input, limits);
  limits.strict = true;
  const auto strict = bencode::parse(input, limits);
  require(!tolerant || prefix, "what is whole is a prefix too");
  require(!strict || tolerant, "what is strict is tolerable too");
  if (tolerant) {
    require(tolerant->consumed() == size && tolerant->root().raw() == input, "all is consumed");
    walk(tolerant->root());
  }
  if (prefix) require(bencode::parse(input.substr(0, prefix->consumed())).has_value(), "prefix");
  if (strict) {
    bencode::Writer writer;
    rewrite(strict->root(), writer);
    require(writer.take() == input, "the writer gives back what was read");
  }
  limits.tokens = 3;
  limits.depth = 1;
  limits.bytes = 64;
  (void)bencode::parse(input, limits);
  return 0;
}
