// One function for each alternative of a variant: std::visit(Overloaded{...}, variant).
#pragma once

namespace barter {

template <class... Cases>
struct Overloaded : Cases... {
  using Cases::operator()...;
};
template <class... Cases>
Overloaded(Cases...) -> Overloaded<Cases...>;  // clang 14 cannot deduce it

}  // namespace barter
