// What the program keeps for the next time in a folder of its state: small files, of which those
// that were used last stay. Blocking file access; no state of its own.
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <string>

namespace barter::cli {

// Of those that were used last (by their modification time) so many are kept, and so many bytes.
inline constexpr std::size_t max_remembered = 100;
inline constexpr std::uint64_t max_remembered_bytes = 64 << 20;

// Removes the others, but never the one that was used last. `is_ours` says which files count; what
// cannot be read or removed stays.
void forget_oldest(const std::string& folder,
                   const std::function<bool(const std::filesystem::directory_entry&)>& is_ours);
// It was used now. If that cannot be noted, it is forgotten sooner.
void note_use(const std::string& path);

}  // namespace barter::cli
