// Bencode (BEP 3): an iterative, bounded parser into views of the input, and a canonical writer.
//
// parse() makes one flat vector of tokens; a Node is a cursor into it. Strings are views: the input
// must outlive the Document. Costs no stack, and of memory 8 bytes a value and 8 more for each list
// or dictionary, whatever the input nests.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <type_traits>
#include <vector>

#include "torrent/result.hpp"

namespace barter::bencode {

struct Limits {
  std::size_t bytes = 32 << 20;
  std::uint32_t depth = 32;      // nested lists and dictionaries
  std::size_t tokens = 4 << 20;  // values, keys included
  // Strict: dictionary keys sorted and unique, no leading zeros, no "-0". Tolerant accepts unsorted
  // keys (of equal keys the first counts), leading zeros and "-0", as old torrents need.
  bool strict = false;
};

enum class Type : std::uint8_t { integer, string, list, dictionary };

namespace detail {
// Behind the elements of a list or dictionary comes one more token, for its final "e": `next` of
// the container is past that one.
struct Token {
  std::uint32_t begin;      // offset of the value's first byte
  std::uint32_t next : 30;  // index of the token after the whole value
  std::uint32_t type : 2;   // a Type
};
}  // namespace detail

class Document;
struct Entry;

// One value of a Document, valid as long as the Document and its input are.
class Node {
 public:
  Type type() const;
  std::string_view raw() const;  // the value's own bytes, as received
  std::size_t offset() const;    // of raw() within the input
  // Typed access: nothing if the value is of another type.
  std::optional<std::int64_t> integer() const;
  std::optional<std::string_view> string() const;
  // Dictionary look-up, linear; nothing if absent or if this is no dictionary.
  std::optional<Node> find(std::string_view key) const;
  // Look-up and typed access in one.
  std::optional<std::int64_t> find_integer(std::string_view key) const;
  std::optional<std::string_view> find_string(std::string_view key) const;
  std::optional<Node> find_list(std::string_view key) const;
  std::optional<Node> find_dictionary(std::string_view key) const;

  std::size_t size() const;  // elements of a list, entries of a dictionary (counted by walking)

  // for (auto item : list.items()) ...; for (auto [key, value] : dictionary.entries()) ...
  // Empty for other types.
  template <class Value>
  class Range;
  using ItemRange = Range<Node>;
  using EntryRange = Range<Entry>;
  ItemRange items() const;
  EntryRange entries() const;

 private:
  friend class Document;
  const detail::Token& token() const;
  Node(const Document* document, std::uint32_t token) : document_(document), token_(token) {}
  const Document* document_;
  std::uint32_t token_;
};

// A parsed input: movable, owns its tokens, not its bytes.
class Document {
 public:
  Node root() const { return Node(this, 0); }
  std::size_t consumed() const { return root().raw().size(); }  // bytes that the value takes

 private:
  friend class Node;
  friend class Parser;
  std::string_view input_;
  std::vector<detail::Token> tokens_;
};

// The whole input is one value; trailing bytes are an error. The message holds the offset.
Result<Document> parse(std::string_view input, const Limits& limits = {});
// The input begins with a value; what follows it is the caller's (BEP 9 data messages).
Result<Document> parse_prefix(std::string_view input, const Limits& limits = {});

struct Entry {
  std::string_view key;
  Node value;
};

template <class Value>
class Node::Range {
 public:
  class Iterator {
   public:
    Value operator*() const {
      if constexpr (keys) {
        return {*Node(document_, token_).string(), value()};
      } else {
        return value();
      }
    }
    Iterator& operator++() {
      token_ = value().token().next;
      return *this;
    }
    bool operator==(const Iterator&) const = default;

   private:
    friend class Range;
    Iterator(const Document* document, std::uint32_t token) : document_(document), token_(token) {}
    Node value() const { return Node(document_, token_ + (keys ? 1U : 0U)); }
    const Document* document_;
    std::uint32_t token_;
  };
  Iterator begin() const { return {document_, first_}; }
  Iterator end() const { return {document_, last_}; }

 private:
  friend class Node;
  static constexpr bool keys = std::is_same_v<Value, Entry>;
  Range(const Document* document, std::uint32_t first, std::uint32_t last)
      : document_(document), first_(first), last_(last) {}
  const Document* document_;
  std::uint32_t first_, last_;
};

// Writes canonical bencode. The caller gives keys in sorted order
// (asserted) and closes what it opens:
//   Writer w; w.begin_dictionary(); w.key("a"); w.integer(1); w.end(); w.take()
class Writer {
 public:
  Writer& begin_dictionary();
  Writer& begin_list();
  Writer& end();
  Writer& key(std::string_view key);
  Writer& integer(std::int64_t value);
  Writer& string(std::string_view value);
  Writer& raw(std::string_view bencoded);  // a value that is bencode already
  std::string take();                      // all must be closed

 private:
  std::string out_;
  struct Open {
    bool dictionary;
    std::string last_key;
    bool has_key = false;
  };
  std::vector<Open> open_;
};

}  // namespace barter::bencode
