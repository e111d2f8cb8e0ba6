// What a file is that is no torrent, by its first bytes: for whoever saved, or was sent, something
// else under a torrent's name. Pure.
#pragma once

#include <optional>
#include <string_view>

namespace barter {

// "a web page (HTML)", say; nothing where it is unknown. `bytes`: the beginning is enough.
std::optional<std::string_view> other_format(std::string_view bytes);

}  // namespace barter
