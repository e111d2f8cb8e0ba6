#!/usr/bin/env python3
"""trackerless.py: swarms that have no tracker, or lose it.

magnet: a swarm of eight and a DHT of fifty real processes, no tracker and no local discovery. A newcomer with a
magnet link, who knows one node of the DHT: when has it heard of a peer, has the metadata, a verified piece, all?
Beside libtorrent, in turn, in the same swarm and the same DHT.
killed: the tracker of eight that are in the middle of a download is killed; they must all finish, and so must one
who comes afterwards with a magnet link that names that tracker.

Without either: both. Contents are compared. Nothing outside of a private network namespace is contacted; where that
is not allowed, nothing but loopback addresses.
"""

import argparse
import os
import shutil
import sys
import tempfile

ROOT = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..")
sys.path.insert(0, os.path.join(ROOT, "bench"))
sys.path.insert(0, os.path.join(ROOT, "tests", "interop"))  # the programs are those of the interop table

import measure  # noqa: E402
import network  # noqa: E402
from crowd import STEPS, Dht  # noqa: E402
from killed import Killed  # noqa: E402
from magnet import GETTERS, Magnet  # noqa: E402
from place import Place  # noqa: E402
from table import Column, median, print_table, write_json  # noqa: E402

GOAL = 3.0  # seconds from the link to the first verified piece
STEP_COLUMNS = [Column(f"{what} ms", step, "{:.0f}", 1000, spread=True)
                for step, what in zip(STEPS, ("first peer", "metadata", "first piece", "all"))]
KILLED_COLUMNS = [Column("had when killed %", "at_kill", "{:.0f}", 100), Column("last of eight s", "last", spread=True),
                  Column("after the kill s", "after_kill", spread=True)]


def arguments():
    parser = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0],
                                     formatter_class=argparse.ArgumentDefaultsHelpFormatter)
    parser.add_argument("table", nargs="?", choices=["magnet", "killed", "both"], default="both")
    parser.add_argument("--barter", default=os.path.join(ROOT, "build", "release", "bin", "barter"))
    parser.add_argument("--programs", nargs="+", choices=list(GETTERS), default=list(GETTERS),
                        help="who gets the magnet link")
    parser.add_argument("--nodes", type=int, default=50, help="of the DHT, beside the peers")
    parser.add_argument("--peers", type=int, default=8)
    parser.add_argument("--mib", type=int, default=16, help="size of the torrents")
    parser.add_argument("--seed-up", type=int, default=3, metavar="MIB",
                        help="killed: what each may upload a second, so that there is a middle")
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--timeout", type=float, default=90, help="seconds for one transfer")
    parser.add_argument("--folder", default="/dev/shm", help="where the data lies")
    parser.add_argument("--keep", action="store_true", help="leave logs and data there")
    parser.add_argument("--short", action="store_true",
                        help="one small run of each, to see that it works: the goals do not count")
    parser.add_argument("--json", metavar="FILE", help="write every run to this file")
    options = parser.parse_args()
    options.barter = os.path.abspath(options.barter)
    if options.short:
        options.runs, options.mib, options.nodes = 1, 6, 20
    return options


def judge(what, value, goal):
    print(f"{what}: {value:.2f}, goal below {goal:g}: {'met' if value < goal else 'MISSED'}")
    return value < goal


def tell_magnet(options, results):
    print(f"magnet: one newcomer to {options.peers - 1} seeds, {options.nodes} other nodes of the DHT, "
          f"{options.mib} MiB, {options.runs} runs: median (least-most) from the link until")
    print_table("newcomer", STEP_COLUMNS, results)
    if options.short or "barter" not in results:
        return True
    met = judge("seconds until the first verified piece", median(results["barter"], "piece"), GOAL)
    if "libtorrent" not in results:
        return met
    ratio = median(results["barter"], "piece") / median(results["libtorrent"], "piece")
    return judge("beside libtorrent", ratio, 1) and met


def tell_killed(options, results):
    print(f"killed: {options.peers} peers and a seed at {options.seed_up} MiB/s each, {options.mib} MiB, "
          f"{options.runs} runs: median (least-most)")
    print_table("", KILLED_COLUMNS, {"barter": results})
    print_table("", STEP_COLUMNS, {"who comes afterwards": results})


def measured(options, folder):
    """Prints the tables; whether all is well."""
    addresses = network.Addresses()
    place = Place(os.path.join(folder, "dht"), options.barter, addresses)
    failures, well, rows = [], True, {}
    try:
        dht = Dht(place, options.nodes)
        if options.table != "killed":
            rows["magnet"], failed = Magnet(options, folder, addresses, dht).run()
            failures += failed
            well = tell_magnet(options, rows["magnet"]) and well
        if options.table != "magnet":
            rows["killed"], failed = Killed(options, folder, addresses, dht).run()
            failures += failed
            tell_killed(options, rows["killed"])
    finally:
        place.close()
    for failure in failures:
        print(f"FAILED: {failure}", file=sys.stderr)
    write_json(options.json, nodes=options.nodes, peers=options.peers, mib=options.mib, runs=rows,
               failures=failures)
    return well and not failures


def main():
    options = arguments()
    network.enter()
    if not network.is_private():
        print("no private network namespace here: on loopback addresses", file=sys.stderr)
    measure.clean_up_on_sigterm()
    folder = tempfile.mkdtemp(prefix="barter-trackerless-", dir=options.folder)
    os.chmod(folder, 0o755)
    try:
        return 0 if measured(options, folder) else 1
    finally:
        if options.keep:
            print(f"kept: {folder}", file=sys.stderr)
        else:
            shutil.rmtree(folder, ignore_errors=True)


if __name__ == "__main__":
    sys.exit(main())
