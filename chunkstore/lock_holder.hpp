// Who has a file locked, for the message to the user.
#pragma once

#include <string>

namespace barter {

// "barter, process 123", as far as the system tells; "" where it does not. By the descriptor of a
// file or folder that somebody has locked with flock().
std::string lock_holder(int descriptor);

}  // namespace barter
