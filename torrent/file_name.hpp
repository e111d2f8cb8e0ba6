// Names from torrents made safe to use as paths: cleaned, not refused. A cleaned element is valid
// UTF-8 of 1 to 255 bytes, no "." or "..", without separators, control characters and marks that
// hide or reorder text. What is ordinary stays as it is: "aux.c" is a file like any other here.
//
// Files are found under their uncleaned names, too (Metainfo::raw_paths, name_key). What
// create writes must be what every client keeps: name_fault.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>

namespace barter {

inline constexpr std::size_t max_name_bytes = 255;   // of one element, as file systems have it
inline constexpr std::size_t max_path_bytes = 4000;  // of a whole path: below Linux's PATH_MAX
inline constexpr std::size_t max_path_elements = 100;

// One cleaned element: separators and invisible marks are dropped,
// other bytes that cannot stay become
// '_'. Too long a name is cut before its extension. "_" if nothing is left.
std::string clean_name(std::string_view raw);
// The same for a torrent's name: empty if nothing is left, for the caller to find another.
std::string clean_torrent_name(std::string_view raw);

// Why not every client keeps a name as it is: "it has a backslash". Empty if all do. Looser than
// clean_name: libtorrent leaves much that does not show.
std::string_view name_fault(std::string_view name);

// Appends "/" and the cleaned element for each of `elements`. If the path becomes too long or too
// deep, folders before the last element are left out.
void append_clean_path(std::string& path, std::span<const std::string_view> elements);

// The elements joined by '/', as they are. Nothing where a path like that could lead out of the
// folder, or cannot be on a disk: an element that is empty, "." or "..", has a '/' or a zero byte,
// or is too long.
std::optional<std::string> raw_path(std::span<const std::string_view> elements);

// Makes all paths differ, and none the folder of another, by a counter before the extension:
// "a.txt", "a.1.txt". The first of equals keeps its name, a folder always does. Null pointers are
// skipped. Returns how many were renamed. O(n log n), whatever the names.
std::size_t make_paths_unique(std::span<std::string* const> paths);

// "folder/a.txt" and 3 as "folder/a.3.txt", as make_paths_unique counts. A name that becomes too
// long is cut before the counter.
std::string numbered_path(std::string_view path, std::uint32_t number);

}  // namespace barter
