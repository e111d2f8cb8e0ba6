#!/usr/bin/env bash
# quickstart.sh [--yes] [--mib N] [--keep]: see barter at work on this machine.
#
# Installs what is missing, builds, then shares a file of random data from one barter to eight others
# through barter's own tracker, each with a limited upload, and prints who gave whom how much.
set -euo pipefail
export LC_ALL=C.UTF-8
cd "$(dirname "${BASH_SOURCE[0]}")/.."

install=()
rest=()
for argument in "$@"; do
  case $argument in
    --yes | -y) install+=(--yes) ;;
    -h | --help) sed -n '2,5s/^# \{0,1\}//p' "$0"; exit 0 ;;
    *) rest+=("$argument") ;;
  esac
done

samples/install.sh "${install[@]}" build test
samples/build.sh release barter_program
exec /usr/bin/python3 samples/quickstart.py --barter build/release/bin/barter "${rest[@]}"
