#!/usr/bin/env bash
# build.sh PRESET [TARGET...]: configure if needed and build below build/PRESET, quietly unless it fails.
# As many jobs as there are cores, but no more than memory allows: a source that uses Beast takes 1 GiB.
set -euo pipefail
export LC_ALL=C.UTF-8
cd "$(dirname "${BASH_SOURCE[0]}")/.."
preset=$1
shift

jobs=$(nproc)
# A bare chroot may have no /proc.
memory=$(sed -n 's/^MemAvailable: *\([0-9]*\) kB/\1/p' /proc/meminfo 2>/dev/null || true)
if [ -n "$memory" ] && [ $((memory / 1048576)) -lt "$jobs" ]; then
  jobs=$((memory / 1048576))
  [ "$jobs" -ge 1 ] || jobs=1
fi

log=build/$preset.log
mkdir -p build
echo "building ($preset, $jobs at a time; the log is $log)" >&2
targets=()
[ $# -eq 0 ] || targets=(--target "$@")
# A build folder that was moved or copied here still names the old place: start it afresh.
cache=build/$preset/CMakeCache.txt
if [ -e "$cache" ] && ! grep -qxF "CMAKE_HOME_DIRECTORY:INTERNAL=$PWD" "$cache"; then
  rm -rf "build/$preset"
fi
if ! { cmake --preset "$preset" && cmake --build --preset "$preset" -j "$jobs" "${targets[@]}"; } \
  >"$log" 2>&1 </dev/null; then
  grep -nE 'error|FAILED|Error' "$log" | head -40 >&2 || true
  tail -n 20 "$log" >&2
  echo "build.sh: the build failed; see $log" >&2
  exit 1
fi
