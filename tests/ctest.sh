#!/usr/bin/env bash
# ctest.sh PRESET [ctest options]: run ctest on build/PRESET with a report in build/results/PRESET.xml;
# print what failed and one line of counts. Tests wait more than they work, so one more runs than there are CPUs.
# A test that fails beside others is tried once more, and named if it passes then: those of the network and of the
# command line have deadlines, and the machine may be busy. Any other that fails once has failed.
set -euo pipefail
export LC_ALL=C.UTF-8
cd "$(dirname "${BASH_SOURCE[0]}")/.."
preset=$1
shift

mkdir -p build/results
log=build/results/$preset.log
status=0
ctest --preset "$preset" -j "$(($(nproc) + 1))" --no-tests=error --repeat until-pass:2 \
  --output-junit "$PWD/build/results/$preset.xml" "$@" </dev/null >"$log" 2>&1 || status=$?
once=$(grep -E '\*\*\*(Failed|Timeout|Exception)' "$log" | grep -vE 'Test +#[0-9]+: (net:|cli/)' || true)
if [ -n "$once" ] && [ "$status" -eq 0 ]; then
  echo "failed once, and has no clock to blame:"
  status=1
fi
if [ "$status" -ne 0 ]; then
  # Everything but the lines about what went well.
  grep -vE '^ +Start +[0-9]+: |^ *[0-9]+/[0-9]+ Test +#[0-9]+: .* Passed +[0-9.]+ sec$' "$log" || true
else
  grep -E 'tests passed|^Total Test time|\*\*\*(Failed|Timeout|Exception)' "$log"
fi
exit "$status"
