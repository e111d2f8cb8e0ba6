#!/usr/bin/env python3
"""run.py: barter with the other clients of the world, as a table.

Every program runs on this machine alone, where possible in a network namespace with only `lo`.
A row is ok, FAILED, "peer cannot" (a limit of the other program) or skipped (a limit of this machine).
"""

import argparse
import concurrent.futures
import json
import os
import re
import shutil
import signal
import sys
import tempfile
import time

import network


def arguments():
    parser = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0])
    root = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..")
    parser.add_argument("--barter", default=os.path.join(root, "build", "release", "bin", "barter"))
    parser.add_argument("--quick", action="store_true", help="a few rows only")
    parser.add_argument("--harness", action="store_true",
                        help="the stock clients alone, to see whether the harness works here")
    parser.add_argument("--only", default="", help="rows whose name matches this expression")
    parser.add_argument("--jobs", type=int, default=2 * (os.cpu_count() or 1), help="rows side by side")
    parser.add_argument("--results", help="write the table as JSON to this file")
    parser.add_argument("--keep", action="store_true", help="keep the working folder")
    parser.add_argument("--list", action="store_true", help="print the names of the rows")
    return parser.parse_args()


def chosen(options):
    import agreement
    import commands
    import defaults
    import finders
    import transfers
    if options.harness:
        rows = list(transfers.harness_rows())
    else:
        rows = [*agreement.rows(), *transfers.rows(), *defaults.rows(), *finders.rows(), *commands.rows()]
    rows = [row for row in rows if (row[2] or not options.quick) and re.search(options.only, row[0])]
    return rows


def table(rows, results):
    """Yields lines, each as soon as its row and all above it are done."""
    width = max(len(row[0]) for row in rows)
    yield f"{'interop':{width}}  {'seconds':>7}  result"
    for future in results:
        result = future.result()
        yield f"{result.name:{width}}  {result.seconds:7.1f}  {result.text()}"


def once_more(bench, rows, results):
    """Rows that failed beside others get a second chance alone: stock clients miss their own deadlines on
    a busy machine. Both outcomes are printed, so that a row that needs it again and again is seen."""
    out = []
    for number, (row, first) in enumerate(zip(rows, results)):
        if first.result != "failed":
            out.append(first)
            continue
        print(f"\n{first.name}: FAILED\n{first.reason}\nonce more, alone:", flush=True)
        second = bench.run(len(rows) + number, row[0], row[1])
        print(f"{second.name}  {second.seconds:.1f}  {second.text()}", flush=True)
        out.append(second)
    return out


def main():
    options = arguments()
    if not options.list:
        network.enter()
    rows = chosen(options)
    if options.list:
        print("\n".join(row[0] for row in rows))
        return 0
    if not rows:
        print("run.py: no row has such a name (--list)", file=sys.stderr)
        return 2
    from row import Bench
    folder = tempfile.mkdtemp(prefix="barter-interop-")
    os.chmod(folder, 0o755)
    barter = None if options.harness else os.path.abspath(options.barter)
    bench = Bench(folder, barter, options.keep)
    began = time.monotonic()
    # A signal ends the run as an exception in this thread.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    try:
        with concurrent.futures.ThreadPoolExecutor(options.jobs) as pool, \
                concurrent.futures.ThreadPoolExecutor(1) as single:
            # Heavy rows run one after the other, beside the others.
            futures = [(single if row[3] else pool).submit(bench.run, number, row[0], row[1])
                       for number, row in enumerate(rows)]
            try:
                for line in table(rows, futures):
                    print(line, flush=True)
            except BaseException:
                pool.shutdown(wait=False, cancel_futures=True)
                single.shutdown(wait=False, cancel_futures=True)
                bench.abort()
                raise
            results = [future.result() for future in futures]
        results = once_more(bench, rows, results)
    finally:
        if not options.keep:
            shutil.rmtree(folder, ignore_errors=True)
    for result in results:
        if result.result == "failed":
            print(f"\n{result.name}: FAILED\n{result.reason}")
    counts = {word: sum(result.result == word for result in results)
              for word in ("ok", "failed", "cannot", "skipped")}
    place = "a private network namespace" if network.is_private() else "127.77.0.0/16"
    print(f"\n{len(results)} rows in {time.monotonic() - began:.0f} s in {place}: {counts['ok']} ok, "
          f"{counts['failed']} failed, {counts['cannot']} that the peer cannot, "
          f"{counts['skipped']} skipped")
    if options.keep:
        print(f"kept: {folder}")
    if options.results:
        with open(options.results, "w", encoding="utf-8") as file:
            json.dump({"rows": [result.json() for result in results]}, file, indent=1)
    return 1 if counts["failed"] else 0


if __name__ == "__main__":
    sys.exit(main())
