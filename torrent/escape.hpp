// Text of others made fit for one line of a terminal or a log: what could move the cursor, end the
// line or reorder it is shown as \xNN (a byte) or \u{NNNN} (a code point), a backslash as two.
#pragma once

#include <string>
#include <string_view>

namespace barter {

std::string escape(std::string_view text);

}  // namespace barter
