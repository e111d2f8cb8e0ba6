#!/usr/bin/env bash
# library.sh BUILD: installs BUILD into a folder of its own, builds the example of docs/library.md from there, once by
# the CMake package and once by pkg-config, and runs both: a file made into a torrent, seeded and fetched on loopback.
set -euo pipefail
source=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
build=$(cd "$1" && pwd)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cmake --install "$build" --prefix "$work/installed" >/dev/null

mkdir "$work/example" "$work/from"
sed -n '/^```cpp$/,/^```$/p' "$source/docs/library.md" | sed '1d;$d' >"$work/example/example.cpp"
cat >"$work/example/CMakeLists.txt" <<'CMAKE'
cmake_minimum_required(VERSION 3.25)
project(example LANGUAGES CXX)
find_package(barter REQUIRED)
add_executable(example example.cpp)
target_compile_features(example PRIVATE cxx_std_20)
target_link_libraries(example PRIVATE barter::client)
CMAKE
cmake -G Ninja -S "$work/example" -B "$work/by-cmake" -DCMAKE_PREFIX_PATH="$work/installed" >/dev/null
cmake --build "$work/by-cmake" >/dev/null
pc=$(find "$work/installed" -name barter.pc -printf '%h')
# Each flag is a word.
# shellcheck disable=SC2046
g++ -std=c++20 "$work/example/example.cpp" -o "$work/by-pc" \
  $(PKG_CONFIG_PATH=$pc pkg-config --define-prefix --static --cflags --libs barter)

head -c 3000000 /dev/urandom >"$work/from/data.bin"
for program in "$work/by-cmake/example" "$work/by-pc"; do
  rm -rf "$work/to" && mkdir "$work/to"
  [[ $("$program" "$work/from/data.bin" "$work/from" "$work/to") == "3000000 bytes" ]]
  cmp "$work/from/data.bin" "$work/to/data.bin"
done
echo "the example runs, by CMake and by pkg-config"
