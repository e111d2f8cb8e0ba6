#!/usr/bin/env bash
# run.sh [SECONDS | --runs N] [TARGET...]: fuzz each target (default: all) for SECONDS (default: 600), or with
# N inputs, as many targets at a time as there are cores. New inputs are kept outside the tree, in
# $BARTER_FUZZ_CORPUS (default: ~/.cache/barter/fuzz). Exit 1 and one line each for what was found. Needs
# clang-14 (apt install clang).
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
root=$(cd "$here/../.." && pwd)

limit=-max_total_time=600
if [[ ${1:-} =~ ^[0-9]+$ ]]; then
  limit=-max_total_time=$1
  shift
elif [ "${1:-}" = --runs ]; then
  [[ ${2:-} =~ ^[1-9][0-9]*$ ]] || { echo "run.sh: --runs takes a number of inputs" >&2; exit 2; }
  limit=-runs=$2
  shift 2
fi
targets=("$@")
if [ ${#targets[@]} -eq 0 ]; then
  for source in "$here"/*_fuzz.cpp; do
    name=$(basename "$source" _fuzz.cpp)
    targets+=("$name")
  done
fi
for target in "${targets[@]}"; do
  [ -f "$here/${target}_fuzz.cpp" ] || { echo "run.sh: no target '$target' in $here" >&2; exit 2; }
done
command -v clang++-14 >/dev/null || { echo "run.sh: clang++-14 is missing: apt install clang-14" >&2; exit 2; }

cd "$root"
build=$root/build/fuzz
[ -f "$build/build.ninja" ] || cmake --preset fuzz >/dev/null
cmake --build --preset fuzz --target "${targets[@]/%/_fuzz}"

grown=${BARTER_FUZZ_CORPUS:-${XDG_CACHE_HOME:-$HOME/.cache}/barter/fuzz}
mkdir -p "$build/findings" "$build/logs"

statistic() {
  sed -n "s/^stat::$1: *//p" "$2"
}

fuzz_one() {
  local target=$1 options=()
  mkdir -p "$grown/$target"
  [ ! -f "$here/$target.dict" ] || options+=("-dict=$here/$target.dict")
  local seeds=()
  [ ! -d "$here/corpus/$target" ] || seeds+=("$here/corpus/$target")
  local max_len
  max_len=$(sed -n 's|^// fuzz-max-len: *||p' "$here/${target}_fuzz.cpp")
  local log=$build/logs/$target.log
  if "$build/tests/fuzz/${target}_fuzz" "$limit" -max_len="${max_len:-16384}" -timeout=10 \
      -rss_limit_mb=2048 -print_final_stats=1 "${options[@]}" \
      -artifact_prefix="$build/findings/$target-" "$grown/$target" "${seeds[@]}" >"$log" 2>&1; then
    printf '%-14s ok       %s inputs, %s a second, %s kept\n' "$target" \
      "$(statistic number_of_executed_units "$log")" "$(statistic average_exec_per_sec "$log")" \
      "$(ls "$grown/$target" | wc -l)"
  else
    printf '%-14s FINDING  %s (log: %s)\n' "$target" \
      "$(grep -aE 'property broken|SUMMARY|ERROR: libFuzzer' "$log" | head -n 1)" "$log"
    sed -n 's/^artifact_prefix=.*Test unit written to \(.*\)$/             input: \1/p' "$log"
    return 1
  fi
}
export -f fuzz_one statistic
export here build grown limit
printf '%s\n' "${targets[@]}" | xargs -P "$(nproc)" -I{} bash -c 'fuzz_one {}'
