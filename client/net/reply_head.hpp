// The head of an HTTP reply as odd servers send it, made into what RFC
// 9112 asks of them: they leave out the reason and the blank before it
// (3.1.2), or end lines by a line feed alone (2.2). Pure.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

namespace barter::net {

// Where the body begins, if all of the head is there.
std::optional<std::size_t> end_of_head(std::string_view bytes);
// `head`: up to there.
std::string tidy_head(std::string_view head);

}  // namespace barter::net
