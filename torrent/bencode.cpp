#include "torrent/bencode.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cassert>
#include <charconv>
#include <limits>
#include <utility>

#include "torrent/ascii.hpp"

namespace barter::bencode {
namespace {

constexpr std::size_t max_digits = 19;  // as many as the largest 64-bit integer has
constexpr std::uint32_t max_tokens = (std::uint32_t{1} << 30) - 1;

}  // namespace

// Reads the input once from left to right. What is open lies on a
// vector of at most `depth` entries.
class Parser {
 public:
  Parser(std::string_view input, const Limits& limits) : input_(input), limits_(limits) {}

  Result<Document> run(bool whole) {
    if (input_.size() > limits_.bytes ||
        input_.size() > std::numeric_limits<std::uint32_t>::max()) {
      return Error{Errc::invalid_bencoding,
                   fmt::format("bencode: {} bytes are more than the {} allowed", input_.size(),
                               limits_.bytes)};
    }
    const char* problem = nullptr;
    do {
      problem = step();
    } while (problem == nullptr && !open_.empty());
    if (problem == nullptr && whole && at_ != input_.size()) problem = "bytes after the end";
    if (problem != nullptr) {
      return Error{Errc::invalid_bencoding, fmt::format("bencode: {} at byte {}", problem, at_)};
    }
    Document out;
    out.input_ = input_;
    out.tokens_ = std::move(tokens_);
    return out;
  }

 private:
  struct Open {
    std::uint32_t token;
    bool dictionary;
    bool has_key = false;  // a key waits for its value
    bool has_last = false;
    std::string_view last_key;
  };

  // One value, the opening of a container, or the end of one. Returns what is wrong, at byte at_.
  const char* step() {
    if (at_ == input_.size()) return "input ends too early";
    const char c = input_[at_];
    if (c == 'e') return close();
    if (!open_.empty() && open_.back().dictionary && !open_.back().has_key) return key();
    if (const char* problem = add_token(c)) return problem;
    if (c == 'l' || c == 'd') return open(c == 'd');
    const char* problem = c == 'i' ? integer() : string();
    if (problem == nullptr && !open_.empty()) open_.back().has_key = false;
    return problem;
  }

  const char* add_token(char c) {
    if (count_ >= limits_.tokens || tokens_.size() >= max_tokens - 2) return "too many values";
    ++count_;
    Type type = Type::string;
    if (c == 'i') type = Type::integer;
    if (c == 'l') type = Type::list;
    if (c == 'd') type = Type::dictionary;
    push(type);
    return nullptr;
  }

  void push(Type type) {
    detail::Token& token = tokens_.emplace_back();
    token.begin = static_cast<std::uint32_t>(at_);
    token.next = static_cast<std::uint32_t>(tokens_.size()) & max_tokens;
    token.type = static_cast<std::uint32_t>(type) & 3;
  }

  const char* open(bool dictionary) {
    if (open_.size() >= limits_.depth) return "nested too deeply";
    open_.push_back({static_cast<std::uint32_t>(tokens_.size() - 1), dictionary, false, false, {}});
    ++at_;
    return nullptr;
  }

  const char* close() {
    if (open_.empty()) return "expected a value";
    if (open_.back().has_key) return "a key without a value";
    push(Type::list);
    tokens_[open_.back().token].next = static_cast<std::uint32_t>(tokens_.size()) & max_tokens;
    open_.pop_back();
    if (!open_.empty()) open_.back().has_key = false;
    ++at_;
    return nullptr;
  }

  const char* key() {
    const std::size_t begin = at_;
    if (!is_digit(input_[at_])) return "a key that is no string";
    if (const char* problem = add_token('0')) return problem;
    if (const char* problem = string()) return problem;
    const std::string_view text = input_.substr(at_ - string_length_, string_length_);
    Open& dictionary = open_.back();
    if (limits_.strict && dictionary.has_last && text <= dictionary.last_key) {
      at_ = begin;
      return text == dictionary.last_key ? "a key given twice" : "a key out of order";
    }
    dictionary.has_key = true;
    dictionary.has_last = true;
    dictionary.last_key = text;
    return nullptr;
  }

  const char* string() {
    if (!is_digit(input_[at_])) return "expected a value";
    std::size_t length = 0;
    if (const char* problem = digits(length, std::numeric_limits<std::int64_t>::max())) {
      return problem;
    }
    if (at_ == input_.size()) return "input ends too early";
    if (input_[at_] != ':') return "expected ':'";
    ++at_;
    if (length > input_.size() - at_) return "a string longer than the input";
    at_ += length;
    string_length_ = length;
    return nullptr;
  }

  const char* integer() {
    ++at_;
    const bool negative = at_ < input_.size() && input_[at_] == '-';
    if (negative) ++at_;
    const std::uint64_t limit =
        static_cast<std::uint64_t>(std::numeric_limits<std::int64_t>::max()) + (negative ? 1 : 0);
    std::uint64_t magnitude = 0;
    if (const char* problem = digits(magnitude, limit)) return problem;
    if (limits_.strict && negative && magnitude == 0) return "a negative zero";
    if (at_ == input_.size()) return "input ends too early";
    if (input_[at_] != 'e') return "expected 'e'";
    ++at_;
    return nullptr;
  }

  const char* digits(std::uint64_t& value, std::uint64_t limit) {
    const std::size_t begin = at_;
    while (at_ < input_.size() && is_digit(input_[at_])) {
      if (at_ - begin == max_digits) return "a number of too many digits";
      const auto digit = static_cast<std::uint64_t>(input_[at_] - '0');
      if (value > (limit - digit) / 10) return "a number too large";
      value = value * 10 + digit;
      ++at_;
    }
    if (at_ == begin) return at_ == input_.size() ? "input ends too early" : "expected a digit";
    if (limits_.strict && at_ - begin > 1 && input_[begin] == '0') {
      at_ = begin;
      return "a leading zero";
    }
    return nullptr;
  }

  std::string_view input_;
  const Limits& limits_;
  std::size_t at_ = 0;
  std::size_t count_ = 0;
  std::size_t string_length_ = 0;  // of the string read last
  std::vector<detail::Token> tokens_;
  std::vector<Open> open_;
};

Result<Document> parse(std::string_view input, const Limits& limits) {
  return Parser(input, limits).run(true);
}

Result<Document> parse_prefix(std::string_view input, const Limits& limits) {
  return Parser(input, limits).run(false);
}

const detail::Token& Node::token() const {
  return document_->tokens_[token_];
}

Type Node::type() const {
  return static_cast<Type>(token().type);
}

std::size_t Node::offset() const {
  return token().begin;
}

std::string_view Node::raw() const {
  const std::string_view rest = document_->input_.substr(token().begin);
  switch (type()) {
    case Type::integer:
      return rest.substr(0, rest.find('e') + 1);
    case Type::string: {
      const std::string_view text = *string();
      return rest.substr(0, static_cast<std::size_t>(text.data() - rest.data()) + text.size());
    }
    case Type::list:
    case Type::dictionary:
      break;
  }
  return rest.substr(0, document_->tokens_[token().next - 1].begin + 1 - token().begin);
}

std::optional<std::int64_t> Node::integer() const {
  if (type() != Type::integer) return std::nullopt;
  const std::string_view text = raw();
  std::int64_t value = 0;
  std::from_chars(text.data() + 1, text.data() + text.size() - 1, value);
  return value;
}

std::optional<std::string_view> Node::string() const {
  if (type() != Type::string) return std::nullopt;
  const std::string_view rest = document_->input_.substr(token().begin);
  std::size_t length = 0, at = 0;
  for (; rest[at] != ':'; ++at) length = length * 10 + static_cast<std::size_t>(rest[at] - '0');
  return rest.substr(at + 1, length);
}

std::optional<Node> Node::find(std::string_view key) const {
  for (const auto& [name, value] : entries()) {
    if (name == key) return value;
  }
  return std::nullopt;
}

std::optional<std::int64_t> Node::find_integer(std::string_view key) const {
  const auto value = find(key);
  return value ? value->integer() : std::nullopt;
}

std::optional<std::string_view> Node::find_string(std::string_view key) const {
  const auto value = find(key);
  return value ? value->string() : std::nullopt;
}

std::optional<Node> Node::find_list(std::string_view key) const {
  const auto value = find(key);
  return value && value->type() == Type::list ? value : std::nullopt;
}

std::optional<Node> Node::find_dictionary(std::string_view key) const {
  const auto value = find(key);
  return value && value->type() == Type::dictionary ? value : std::nullopt;
}

std::size_t Node::size() const {
  std::size_t count = 0;
  for ([[maybe_unused]] const auto& item : items()) ++count;
  for ([[maybe_unused]] const auto& entry : entries()) ++count;
  return count;
}

Node::ItemRange Node::items() const {
  if (type() != Type::list) return {document_, token_, token_};
  return {document_, token_ + 1, token().next - 1U};
}

Node::EntryRange Node::entries() const {
  if (type() != Type::dictionary) return {document_, token_, token_};
  return {document_, token_ + 1, token().next - 1U};
}

Writer& Writer::begin_dictionary() {
  open_.push_back({true, {}});
  out_.push_back('d');
  return *this;
}

Writer& Writer::begin_list() {
  open_.push_back({false, {}});
  out_.push_back('l');
  return *this;
}

Writer& Writer::end() {
  assert(!open_.empty());
  open_.pop_back();
  out_.push_back('e');
  return *this;
}

Writer& Writer::key(std::string_view key) {
  assert(!open_.empty() && open_.back().dictionary);
  Open& dictionary = open_.back();
  assert(!dictionary.has_key || dictionary.last_key < key);
  dictionary.has_key = true;
  dictionary.last_key = key;
  return string(key);
}

Writer& Writer::integer(std::int64_t value) {
  fmt::format_to(std::back_inserter(out_), "i{}e", value);
  return *this;
}

Writer& Writer::string(std::string_view value) {
  fmt::format_to(std::back_inserter(out_), "{}:", value.size());
  out_.append(value);
  return *this;
}

Writer& Writer::raw(std::string_view bencoded) {
  out_.append(bencoded);
  return *this;
}

std::string Writer::take() {
  assert(open_.empty());
  return std::exchange(out_, {});
}

}  // namespace barter::bencode
