#!/usr/bin/env python3
"""transfer.py: seeders and downloaders, each program with its own kind or with another, in turn.

Random data on tmpfs (or --disk), a network namespace with only `lo`, peers found by a tracker. Each round
runs every contestant once, so that all see the same minutes of the machine. Wall time counts from the start
of the downloaders until the last of them has everything; contents are compared afterwards. CPU that others
used meanwhile is measured, and a run that was disturbed is thrown away and done again. `roofline` is no
client but the least work that moves and checks the bytes.
"""

import argparse
import os
import shutil
import sys
import tempfile

ROOT = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..")
sys.path.insert(0, os.path.join(ROOT, "bench"))
sys.path.insert(0, os.path.join(ROOT, "tests", "interop"))  # the contestants are those of the interop table

import measure  # noqa: E402
import network  # noqa: E402
import syscalls  # noqa: E402
from peers import CONTESTANTS  # noqa: E402
from swarm import SHAPES, Bench  # noqa: E402
from table import Column, median, print_table, undisturbed, write_json  # noqa: E402

KIB = 1 / 1024
COLUMNS = [
    Column("wall s", "wall", spread=True), Column("MiB/s", "mib_per_second", "{:.0f}"),
    Column("from 1st byte s", "wall_from_first_byte"), Column("with fsync s", "wall_to_disk"),
    Column("get CPU s/GiB", "get_cpu", spread=True), Column("seed CPU s/GiB", "seed_cpu", spread=True),
    Column("get own MiB", "get_anon", "{:.0f}", KIB), Column("get RSS MiB", "get_rss", "{:.0f}", KIB),
    Column("seed own MiB", "seed_anon", "{:.0f}", KIB),
    Column("switches get", "get_switches", "{:.0f}"), Column("switches seed", "seed_switches", "{:.0f}"),
    Column("calls/block get", "get_calls"), Column("calls/block seed", "seed_calls"),
    Column("foreign %", "foreign", "{:.0f}", 100),
]
RATIOS = [("wall", "wall"), ("from 1st byte", "wall_from_first_byte"), ("with fsync", "wall_to_disk"),
          ("get CPU", "get_cpu"), ("seed CPU", "seed_cpu"), ("CPU of both", "cpu"),
          ("get own memory", "get_anon")]


def comparable(results, base):
    """The other rows that moved as much as `base`."""
    return {name: runs for name, runs in results.items()
            if name != base and runs[0]["bytes"] == results[base][0]["bytes"]}


def ratios_of(results):
    """Those whose figures were taken."""
    return [(heading, key) for heading, key in RATIOS
            if all(run[key] is not None for runs in results.values() for run in runs)]


def print_ratios(results, base):
    if base not in results or not comparable(results, base):
        return
    print(f"\nbeside {base} (less is better):")
    for name, runs in comparable(results, base).items():
        ratios = [f"{heading} {median(runs, key) / max(median(results[base], key), 1e-9):.2f}"
                  for heading, key in ratios_of(results)]
        print(f"  {name}: {', '.join(ratios)}")


def print_best(results):
    """barter beside whoever is best of the rest, figure by figure; pairs with one barter are no rest."""
    if "barter" not in results:
        return
    rest = {name: runs for name, runs in comparable(results, "barter").items()
            if "barter" not in name and "roofline" not in name}
    if not rest:
        return
    print("\nbarter beside the best of the others (less is better):")
    for heading, key in ratios_of(results):
        best = min(rest, key=lambda name, key=key: median(rest[name], key))
        ratio = median(results["barter"], key) / max(median(rest[best], key), 1e-9)
        print(f"  {heading}: {ratio:.2f} of {best}")


def pair_of(text):
    pair = tuple((text.split("/") * 2)[:2])
    for name in pair:
        if name not in CONTESTANTS:
            raise argparse.ArgumentTypeError(f"no contestant {name}; there are {', '.join(CONTESTANTS)}")
    if "roofline" in pair and pair[0] != pair[1]:
        raise argparse.ArgumentTypeError("roofline speaks to its own kind only")
    return pair


def arguments():
    parser = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0])
    parser.add_argument("pairs", nargs="*", type=pair_of, metavar="GET[/SEED]",
                        help="who downloads, and from whom (default: from its own kind); of "
                        + ", ".join(CONTESTANTS) + "; without any: all fast ones and the fastest mixed pair")
    release = os.path.join(ROOT, "build", "release")
    parser.add_argument("--barter", default=os.path.join(release, "bin", "barter"))
    parser.add_argument("--roofline", default=os.path.join(release, "bench", "roofline"))
    parser.add_argument("--mib", type=int, default=2048, help="size of the transfer (2048)")
    parser.add_argument("--piece-length", type=int, default=1, metavar="MIB", help="1 to 16 MiB (1)")
    parser.add_argument("--shape", choices=SHAPES, default="1-1", help="seeders-downloaders (1-1)")
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--timeout", type=float, default=120)
    parser.add_argument("--foreign", type=float, default=10,
                        help="per cent of a core that others may use in a run (10)")
    parser.add_argument("--syscalls", action="store_true",
                        help="count system calls per block, too, in a run of its own under strace")
    place = parser.add_mutually_exclusive_group()
    place.add_argument("--folder", default="/dev/shm", help="where in memory the data lies (/dev/shm)")
    place.add_argument("--disk", metavar="DIR", help="data and downloads here, on a real file system: the "
                       "source is warm, and the fsync that ends a download is counted apart")
    parser.add_argument("--json", metavar="FILE", help="write every run to this file")
    options = parser.parse_args()
    options.size = options.mib << 20
    options.folder = options.disk or options.folder
    if not options.pairs:
        options.pairs = [(name, name) for name in ("barter", "libtorrent", "aria2", "rtorrent")]
        options.pairs.append(("libtorrent", "rtorrent"))
        if options.shape == "1-1" and os.path.exists(options.roofline):
            options.pairs.append(("roofline", "roofline"))
    if options.shape != "1-1" and ("roofline", "roofline") in options.pairs:
        parser.error("roofline is one to one: --shape 1-1")
    return options


def check_room(options):
    spare = 64 << 20
    downloads = SHAPES[options.shape][1] * options.size
    free = shutil.disk_usage(options.folder).free
    if free < options.size + downloads + spare:
        sys.exit(f"transfer.py: needs {(options.size + downloads) >> 20} MiB in {options.folder}, "
                 f"{free >> 20} are free (--mib, --folder)")


def count_calls(bench, pairs, results):
    """Adds calls per block to the last run of each row; returns what was counted, by name."""
    why_not = syscalls.missing()
    counted = {}
    for getter, seeder in pairs if not why_not else ():
        figures = bench.count_calls(getter, seeder)
        if figures is None:
            why_not = syscalls.REFUSED
            break
        name = row_name(getter, seeder)
        counted[name] = figures
        results[name][-1].update(get_calls=figures["get"]["total"], seed_calls=figures["seed"]["total"])
    if why_not:
        print(f"no system calls counted: {why_not}", file=sys.stderr)
    return counted


def row_name(getter, seeder):
    return getter if getter == seeder else f"{getter} < {seeder}"


def main():
    options = arguments()
    network.enter()
    if not network.is_private():
        print("no private network namespace here: on loopback addresses", file=sys.stderr)
    check_room(options)
    measure.clean_up_on_sigterm()
    folder = tempfile.mkdtemp(prefix="barter-transfer-", dir=options.folder)
    results = {}
    try:
        bench = Bench(options, folder)
        for _ in range(options.runs):
            for getter, seeder in options.pairs:
                results.setdefault(row_name(getter, seeder), []).append(undisturbed(
                    lambda pair=(getter, seeder): bench.run(*pair), f"{getter} from {seeder}",
                    options.foreign))
        calls = count_calls(bench, options.pairs, results) if options.syscalls else {}
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    print(f"{options.mib} MiB, {options.piece_length} MiB pieces, {options.shape}, "
          f"{'on disk' if options.disk else 'in memory'}, {options.runs} runs: median (least-most)")
    print_table("get < seed", COLUMNS, results)
    print_ratios(results, "libtorrent")
    print_best(results)
    print_ratios(results, "roofline")
    write_json(options.json, mib=options.mib, piece_mib=options.piece_length, shape=options.shape,
               disk=bool(options.disk), runs=results, calls_per_block=calls)
    return 0


if __name__ == "__main__":
    sys.exit(main())
