// UniqueFunction: a callable that may own what cannot be copied (block buffers, sockets). Owned by
// whoever holds it; called on whatever thread it was handed to.
#pragma once

#include <concepts>
#include <memory>
#include <type_traits>
#include <utility>

namespace barter::net {

template <class Signature>
class UniqueFunction;

template <class Return, class... Arguments>
class UniqueFunction<Return(Arguments...)> {
 public:
  UniqueFunction() = default;
  template <class Callable>
  requires(!std::same_as<std::remove_cvref_t<Callable>, UniqueFunction>)
      UniqueFunction(Callable&& callable)  // NOLINT: implicit, as std::function is
      : held_(std::make_unique<Held<std::decay_t<Callable>>>(std::forward<Callable>(callable))) {}

  explicit operator bool() const { return held_ != nullptr; }
  Return operator()(Arguments... arguments) {
    return held_->call(std::forward<Arguments>(arguments)...);
  }

 private:
  struct Base {
    virtual ~Base() = default;
    virtual Return call(Arguments... arguments) = 0;
  };
  template <class Callable>
  struct Held final : Base {
    template <class From>
    explicit Held(From&& from) : callable(std::forward<From>(from)) {}
    Return call(Arguments... arguments) override {
      return callable(std::forward<Arguments>(arguments)...);
    }
    Callable callable;
  };
  std::unique_ptr<Base> held_;
};

using Job = UniqueFunction<void()>;

}  // namespace barter::net
