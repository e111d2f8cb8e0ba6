#!/usr/bin/env python3
"""check.py: does the shaped star do what it says? Rates by iperf3, round trips by connects, per direction.

Each line must deliver its payload share of the rate within --tolerance, and two hosts must be as far from
each other as their delays say. Ends with 1 if one does not.
"""

import argparse
import json
import os
import socket
import subprocess
import sys
import time

ROOT = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..")
sys.path.insert(0, os.path.join(ROOT, "bench"))
sys.path.insert(0, os.path.join(ROOT, "tests", "interop"))

import measure  # noqa: E402
import network  # noqa: E402
from star import Link, NotHere, Star  # noqa: E402
from table import print_rows, write_json  # noqa: E402

PAYLOAD = 1448 / 1514  # TCP with time stamps, MTU 1500

# Who sends to whom, and the Mbit/s of the narrower of their two lines.
CASES = [
    ("20 up", Link("a", up=20, down=40, delay=10), Link("b", up=10, down=40, delay=10), False),
    ("10 up", Link("a", up=10, down=40, delay=10), Link("b", up=20, down=40, delay=10), False),
    ("40 down", Link("a", up=100, down=40, delay=10), Link("b", up=10, down=40, delay=10), False),
    ("200 up, segments", Link("a", up=200, down=200, delay=5), Link("b", up=200, down=200, delay=5), True),
    ("1000, 100 ms, segments", Link("a", up=1000, down=1000, delay=25),
     Link("b", up=1000, down=1000, delay=25), True),
]


def round_trip(star, address):
    """Seconds of a refused connect: the shortest of five."""
    best = 10.0
    with star.inside("a"):
        for _ in range(5):
            with socket.socket() as probe:
                began = time.monotonic()
                probe.connect_ex((address, 9))
                best = min(best, time.monotonic() - began)
    return best


def wide_buffers(star):
    """As large as rate x delay needs, in both hosts."""
    for name in ("a", "b"):
        with star.inside(name):
            for which in ("rmem", "wmem"):
                with open(f"/proc/sys/net/ipv4/tcp_{which}", "w", encoding="ascii") as file:
                    file.write(f"4096 131072 {64 << 20}")


def run(program, sender, receiver, segments, seconds):
    with Star(program, [sender, receiver], segments=segments) as star:
        wide_buffers(star)
        address = star.address("b")
        trip = round_trip(star, address)
        with star.inside("b"):
            server = subprocess.Popen(["iperf3", "--server", "--one-off"], stdout=subprocess.DEVNULL)
        try:
            time.sleep(0.3)
            cpu = measure.cpu_seconds(star.pid)
            with star.inside("a"):
                done = subprocess.run(
                    ["iperf3", "--client", address, "--time", str(seconds), "--omit", "2", "--json"],
                    stdout=subprocess.PIPE, check=False, timeout=seconds + 30)
            cpu = measure.cpu_seconds(star.pid) - cpu
        finally:
            server.kill()
            server.wait()
        report = json.loads(done.stdout)
        if "error" in report:
            sys.exit(f"iperf3: {report['error']}")
        counters = star.counters()
    return {"mbit": report["end"]["sum_received"]["bits_per_second"] / 1e6,
            "round_trip_ms": trip * 1e3, "star_cpu": cpu / (seconds + 2),
            "late": counters["late"] / max(counters["arrived"], 1), "latest_ms": counters["latest_ms"],
            "dropped": sum(host[f"{way}_dropped_frames"] for host in counters["hosts"].values()
                           for way in ("up", "down"))}


def arguments():
    parser = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0])
    parser.add_argument("--star", default=os.path.join(ROOT, "build", "release", "bench", "star"))
    parser.add_argument("--seconds", type=int, default=5, help="of each measurement (5)")
    parser.add_argument("--tolerance", type=float, default=0.06, help="of the payload rate (0.06)")
    parser.add_argument("--short", action="store_true", help="the slow lines only, 2 s each")
    parser.add_argument("--json", metavar="FILE")
    options = parser.parse_args()
    if options.short:
        options.seconds = 2
    return options


def main():
    options = arguments()
    network.enter()
    rows = [["line", "Mbit/s", "should be", "round trip ms", "should be", "star CPU %", "late %", "latest ms",
             "drops"]]
    results, wrong = {}, False
    try:
        for name, sender, receiver, segments in CASES[:3] if options.short else CASES:
            figures = results[name] = run(options.star, sender, receiver, segments, options.seconds)
            rate = min(sender.up, receiver.down) * PAYLOAD
            trip = 2 * (sender.delay + receiver.delay)
            wrong |= abs(figures["mbit"] / rate - 1) > options.tolerance
            wrong |= not trip <= figures["round_trip_ms"] <= trip + 3
            rows.append([name, f"{figures['mbit']:.2f}", f"{rate:.2f}", f"{figures['round_trip_ms']:.1f}",
                         f"{trip:.0f}", f"{figures['star_cpu'] * 100:.0f}", f"{figures['late'] * 100:.2f}",
                         f"{figures['latest_ms']:.1f}", f"{figures['dropped']}"])
    except NotHere as reason:
        print(f"skipped: no shaped network here: {reason}")
        return 0
    print_rows(rows)
    write_json(options.json, runs=results)
    if wrong:
        print("check.py: a line is not what it should be", file=sys.stderr)
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
