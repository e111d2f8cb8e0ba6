// ConnectionBudget: how many connections all torrents of a client may have together, half-open ones
// included. Thread-safe. A Token is one of them, for as long as it lives.
#pragma once

#include <atomic>
#include <cstdint>
#include <optional>
#include <utility>

namespace barter::net {

class ConnectionBudget {
 public:
  explicit ConnectionBudget(std::uint32_t most) : left_(most) {}

  class Token {
   public:
    Token() = default;
    explicit Token(ConnectionBudget* budget) : budget_(budget) {}
    Token(Token&& other) noexcept : budget_(std::exchange(other.budget_, nullptr)) {}
    Token& operator=(Token&& other) noexcept {
      std::swap(budget_, other.budget_);
      return *this;
    }
    ~Token() {
      if (budget_ != nullptr) budget_->left_.fetch_add(1, std::memory_order_relaxed);
    }

   private:
    ConnectionBudget* budget_ = nullptr;
  };

  std::optional<Token> take() {
    if (left_.fetch_sub(1, std::memory_order_relaxed) > 0) return Token(this);
    left_.fetch_add(1, std::memory_order_relaxed);
    return std::nullopt;
  }

 private:
  std::atomic<std::int64_t> left_;
};

}  // namespace barter::net
