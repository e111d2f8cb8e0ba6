// ConnectionBudget: how many connections all torrents of a client may have together. Those that we
// call count from the call on; those that call us from the end of their handshake on (before it:
// WaitingRoom). When all places are taken, an eighth more is there for calls of ours: whoever fills
// our places does not keep us from calling others. Thread-safe. A Token is one of them, for as long
// as it lives.
#pragma once

#include <cstdint>
#include <mutex>
#include <optional>
#include <utility>

namespace barter::net {

class ConnectionBudget {
 public:
  explicit ConnectionBudget(std::uint32_t most) : most_(most) {}
  // With those that are there for our calls only.
  static constexpr std::uint32_t most_in_all(std::uint32_t most) { return most + most / 8 + 1; }

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
      if (budget_ != nullptr) budget_->give_back();
    }

   private:
    ConnectionBudget* budget_ = nullptr;
  };

  // For a connection that we call, or one that has called us; nothing if there is none left.
  std::optional<Token> take(bool outgoing) {
    const std::lock_guard lock(mutex_);
    if (taken_ >= (outgoing ? most_in_all(most_) : most_)) return std::nullopt;
    ++taken_;
    return Token(this);
  }

 private:
  void give_back() {
    const std::lock_guard lock(mutex_);
    --taken_;
  }

  const std::uint32_t most_;
  std::mutex mutex_;
  std::uint32_t taken_ = 0;
};

}  // namespace barter::net
