// name_key: by what two spellings of one name are known. Programs clean names by rules of their
// own or not at all, and disks of other systems spell accents in their own way (Unicode's NFC and
// NFD): the key is what is left of a path's elements when they are cleaned, in NFC.
#pragma once

#include <string>
#include <string_view>

namespace barter {

std::string name_key(std::string_view path);

}  // namespace barter
