#!/usr/bin/env python3
"""swarm.py: a flash crowd of real programs on a shaped network, in turn, beside the best time possible.

One seed and --peers downloaders that start at once, each on a host of its own (bench/shaped), opentracker
between them; who has finished goes on as a seed. NAME is a contestant, or several joined by `+`: a mixed
crowd, the seed of the first kind, the downloaders of each in turn. The time of a peer counts from the
start of the first until all its bytes are there; contents are compared afterwards.

`bound` is that of a fluid (Kumar and Ross 2006), with the headers of full frames counted. A run during
which the network itself was late (this machine was too busy) is thrown away and done again.
"""

import argparse
import os
import shutil
import statistics
import sys
import tempfile

ROOT = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..")
for part in (("bench", "shaped"), ("bench",), ("tests", "interop")):
    sys.path.insert(0, os.path.join(ROOT, *part))

import measure  # noqa: E402
import network  # noqa: E402
from crowd import Content, Crowd, Plan  # noqa: E402
from members import KINDS, RIDERS  # noqa: E402
from star import NotHere  # noqa: E402
from table import Column, print_table, write_json  # noqa: E402

MIB = 1 << 20
COLUMNS = [
    Column("last s", "last", "{:.1f}", spread=True), Column("mean s", "mean", "{:.1f}", spread=True),
    Column("first s", "first", "{:.1f}"), Column("last/bound", "to_bound", "{:.3f}"),
    Column("seed sent/F", "seed_sent"), Column("received/F", "received"),
    Column("uplinks %", "uplinks", "{:.0f}", 100), Column("dropped MB", "dropped", "{:.1f}", 1e-6),
    Column("rider s", "rider", "{:.1f}"), Column("rider/mean", "rider_to_mean"),
    Column("rider held", "rider_held"), Column("rider sent/F", "rider_sent"),
    Column("late %", "late", "{:.2f}", 100),
]


def run_crowd(options, plan, content, name, **how):
    """Figures of one crowd that the network did not disturb."""
    for _ in range(4):
        figures = Crowd(options, plan, content, name.split("+"), **how).run()
        if figures["late"] <= options.late / 100:
            break
        print(f"thrown away: {name}: {figures['late'] * 100:.1f} % of the frames came late", file=sys.stderr)
    else:
        sys.exit("this machine is too busy for any measurement (--late)")
    givers = plan.peers - 1 if how.get("rider") else plan.peers
    figures["to_bound"] = figures["last"] / plan.bound_framed(givers)
    print(f"{name}{''.join(f' {word}' for word, said in how.items() if said)}: last {figures['last']:.1f} s, "
          f"mean {figures['mean']:.1f} s, {figures['to_bound']:.3f} of the bound", file=sys.stderr)
    return figures


def rows_of(options, name):
    """Row -> how its crowd differs."""
    if options.rider:
        rider = options.rider if options.rider != "own" else name
        return {f"{name}, rider {rider}": {"rider": rider}, name: {}}
    if options.freeze:
        return {f"{name}, one frozen": {"freeze": True}, name: {}}
    return {name: {}}


def print_kinds(results):
    """In mixed crowds: who of them finished when."""
    for name, runs in results.items():
        kinds = sorted({kind for run in runs for kind in run["kinds"].values()})
        if len(kinds) < 2 or "rider" in name:
            continue
        print(f"\n{name}: median of the runs")
        for kind in kinds:
            times = [[run["times"][host] for host in run["times"] if run["kinds"][host] == kind]
                     for run in runs]
            print(f"  {kind}: last {statistics.median(map(max, times)):.1f} s, "
                  f"mean {statistics.median(map(statistics.mean, times)):.1f} s")


def print_delays(options, results):
    """What one frozen peer costs the others: the last of the same seven, with and without."""
    for name in options.contestants if options.freeze else ():
        others = [max(seconds for host, seconds in run["times"].items() if host != "peer1")
                  for run in results[name]]
        frozen = [run["last"] for run in results[f"{name}, one frozen"]]
        print(f"{name}: with one frozen the others' last comes "
              f"{statistics.median(frozen) - statistics.median(others):+.1f} s")


def arguments():
    parser = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0])
    parser.add_argument("contestants", nargs="*", metavar="NAME[+NAME...]", help="default: all, each with its own "
                        "kind: " + ", ".join(KINDS))
    release = os.path.join(ROOT, "build", "release")
    parser.add_argument("--barter", default=os.path.join(release, "bin", "barter"))
    parser.add_argument("--also", action="append", default=[], metavar="NAME=BARTER",
                        help="one more contestant: another build of barter (repeatable)")
    parser.add_argument("--star", default=os.path.join(release, "bench", "star"))
    parser.add_argument("--peers", type=int, default=8, help="downloaders (8)")
    parser.add_argument("--mib", type=float, default=64, help="size of the file (64)")
    parser.add_argument("--piece-length", type=int, default=256, metavar="KIB", help="(256)")
    parser.add_argument("--seed-up", type=float, default=20, metavar="MBIT", help="of the seed's line (20)")
    parser.add_argument("--up", type=float, default=10, metavar="MBIT", help="of each downloader (10)")
    parser.add_argument("--down", type=float, default=40, metavar="MBIT", help="of everyone (40)")
    parser.add_argument("--round-trip", type=float, default=40, metavar="MS", help="between any two (40)")
    parser.add_argument("--queue", type=float, default=100, metavar="MS", help="of each line (100)")
    parser.add_argument("--runs", type=int, default=3)
    kind = parser.add_mutually_exclusive_group()
    kind.add_argument("--rider", choices=(*RIDERS, "own"), help="and with one downloader, of this "
                      "kind, that gives nothing")
    kind.add_argument("--freeze", action="store_true", help="and with one downloader stopped half way")
    parser.add_argument("--late", type=float, default=1, help="per cent of the frames that may come more than "
                        "2 ms late (1)")
    parser.add_argument("--timeout", type=float, help="seconds of one run (six times the bound)")
    parser.add_argument("--trace", metavar="DIR", help="barter's downloaders write their decisions there")
    parser.add_argument("--folder", default="/dev/shm", help="where in memory the data lies (/dev/shm)")
    parser.add_argument("--json", metavar="FILE", help="write every run, with its curves, to this file")
    options = parser.parse_args()
    options.barters = dict(entry.split("=", 1) for entry in options.also)
    known = [*KINDS, *options.barters]
    for name in options.contestants:
        for word in name.split("+"):
            if word not in known:
                parser.error(f"no contestant {word}; there are {', '.join(known)}")
    options.contestants = options.contestants or known
    options.timeout_of = lambda plan: options.timeout or 6 * plan.bound_framed() + 30
    return options


def measure_all(options, plan):
    content = Content(os.path.join(options.work, "content"), int(options.mib * MIB) // 65536 * 65536,
                      options.piece_length << 10)
    plan.size = content.size
    results = {}
    for _ in range(options.runs):
        for name in options.contestants:
            for row, how in rows_of(options, name).items():
                results.setdefault(row, []).append(run_crowd(options, plan, content, name, **how))
    return results


def main():
    options = arguments()
    network.enter()
    measure.clean_up_on_sigterm()
    plan = Plan(options.peers, int(options.mib * MIB), options.seed_up, options.up, options.down,
                options.round_trip)
    options.work = tempfile.mkdtemp(prefix="barter-swarm-", dir=options.folder)
    os.chmod(options.work, 0o755)
    if options.trace:
        os.makedirs(options.trace, exist_ok=True)
    try:
        results = measure_all(options, plan)
    except NotHere as reason:
        print(f"skipped: no shaped network here: {reason}")
        return 0
    finally:
        shutil.rmtree(options.work, ignore_errors=True)
    print(f"1 seed (up {options.seed_up:g} Mbit/s) + {options.peers} (up {options.up:g}, down {options.down:g}), "
          f"{options.mib:g} MiB, {options.piece_length} KiB pieces, {options.round_trip:g} ms, "
          f"{options.runs} runs: median (least-most)")
    print(f"bound {plan.bound():.1f} s; with headers {plan.bound_framed():.1f} s; with acknowledgements, too, "
          f"{plan.bound_acknowledged():.1f} s")
    if options.rider:
        print(f"with a rider: {plan.bound(plan.peers - 1):.1f}, {plan.bound_framed(plan.peers - 1):.1f}, "
              f"{plan.bound_acknowledged(plan.peers - 1):.1f} s")
    print_table("crowd", COLUMNS, results)
    print_kinds(results)
    print_delays(options, results)
    write_json(options.json, peers=options.peers, bytes=plan.size, seed_up=options.seed_up, up=options.up,
               down=options.down, round_trip_ms=options.round_trip, bound=plan.bound(),
               bound_framed=plan.bound_framed(), bound_acknowledged=plan.bound_acknowledged(), runs=results)
    return 0


if __name__ == "__main__":
    sys.exit(main())
