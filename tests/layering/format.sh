#!/usr/bin/env bash
# The form of every C++ file is that of .clang-format, by the version that is pinned here: others differ in
# details. `--fix` puts all files into it. Comments are not reflowed; their lines end at 100 columns too.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."

mapfile -t files < <(find bench chunkstore cli client cmake dht docs sim tests torrent tracker -name '*.[ch]pp')
[[ ${#files[@]} -gt 100 ]]
if [[ ${1:-} == --fix ]]; then
  clang-format-14 -i "${files[@]}"
else
  clang-format-14 --dry-run --Werror "${files[@]}" || { echo "tests/layering/format.sh --fix mends this"; exit 1; }
fi
! awk 'length > 100 { print FILENAME ":" FNR ": longer than 100 columns"; bad = 1 } END { exit !bad }' "${files[@]}"
