#!/usr/bin/env bash
# run.sh [--quick] [--no-interop] [--yes]: install what is missing, build, run every test.
#
#   --quick       the unit tests and a few rows of the interop table
#   --no-interop  no other programs
#   --yes         do not ask before installing
# The last line sums up: N passed, N failed, N skipped. The exit code is 0 only if nothing failed.
set -euo pipefail
export LC_ALL=C.UTF-8
cd "$(dirname "${BASH_SOURCE[0]}")/.."

quick= interop=1 install=()
for argument in "$@"; do
  case $argument in
    --quick) quick=1 ;;
    --no-interop) interop= ;;
    --yes | -y) install+=(--yes) ;;
    -h | --help) sed -n '2,8s/^# \{0,1\}//p' "$0"; exit 0 ;;
    *) echo "run.sh: unknown option $argument (see --help)" >&2; exit 2 ;;
  esac
done

groups=(build test)
[ -z "$interop" ] || groups+=(interop unpack)
samples/install.sh "${install[@]}" "${groups[@]}"
samples/build.sh release

results=build/results
rm -rf "$results"
mkdir -p "$results"
status=0

only=()
[ -z "$quick" ] || only=(-L unit)
tests/ctest.sh release "${only[@]}" || status=1
if [ -n "$interop" ]; then
  /usr/bin/python3 tests/interop/run.py ${quick:+--quick} --barter build/release/bin/barter \
    --results "$results/interop.json" || status=1
fi
/usr/bin/python3 tests/summary.py "$results" || status=1
exit $status
