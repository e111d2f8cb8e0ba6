#!/usr/bin/env python3
"""hash.py create|verify: how fast torrents are made, and files checked against them.

create: barter, libtorrent, mktorrent and transmission-create make torrents of one big file (1 MiB pieces)
and of many small ones (4 KiB each, 64 KiB pieces). verify: barter verify and libtorrent's check beside
barter create, which should take as long. Data on tmpfs, written and read once before: the page cache is
warm. Every tool is asked for two threads where it can be. Each round runs everybody once, so that all see
the same minutes of the machine. Wall time is that of the whole process, python's start for libtorrent
included. CPU that others used meanwhile is measured, and a run that was disturbed is thrown away and done
again. What the tools made must agree: v1 piece hashes of the big file, v2 file trees.
"""

import argparse
import os
import shutil
import subprocess
import sys
import tempfile

ROOT = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..")
sys.path.insert(0, os.path.join(ROOT, "bench"))
sys.path.insert(0, os.path.join(ROOT, "tests", "interop"))

import measure  # noqa: E402
from contestants import HERE as INTEROP, PYTHON, Skip, program  # noqa: E402
from table import Column, median, print_table, undisturbed, write_json  # noqa: E402
from torrents import Torrent  # noqa: E402

KIB, MIB = 1 << 10, 1 << 20
SMALL_FILE = 4 * KIB
PIECE = {"big": MIB, "small": 64 * KIB}
VARIANTS = ("v1", "v2", "hybrid")
THREADS = 2


class Input:
    """What is hashed: its path, its size, its piece length."""

    def __init__(self, name, path, size):
        self.name, self.path, self.size, self.piece = name, path, size, PIECE[name]


def write_random(path, size):
    with open(path, "wb", buffering=0) as file:
        for at in range(0, size, MIB):
            file.write(os.urandom(min(MIB, size - at)))


def read_all(folder):
    for parent, _, names in os.walk(folder):
        for name in names:
            with open(os.path.join(parent, name), "rb", buffering=0) as file:
                while file.read(MIB):
                    pass


def make_inputs(options, folder):
    inputs = []
    if "big" in options.inputs:
        path = os.path.join(folder, "big.bin")
        write_random(path, options.mib * MIB)
        inputs.append(Input("big", path, options.mib * MIB))
    if "small" in options.inputs:
        path = os.path.join(folder, "small")
        for number in range(options.files):
            parent = os.path.join(path, f"{number // 100:03d}")
            if number % 100 == 0:
                os.makedirs(parent)
            write_random(os.path.join(parent, f"{number % 100:02d}.bin"), SMALL_FILE)
        inputs.append(Input("small", path, options.files * SMALL_FILE))
    read_all(folder)
    return inputs


# The tools: the command that makes `output` of an Input; None where a tool knows no such variant.
# mktorrent counts in powers of two, transmission-create in KiB.

def barter_create(options, source, variant, output):
    return [options.barter, "create", source.path, f"--{variant}", "--piece-length", str(source.piece),
            "--threads", str(THREADS), "--output", output]


def libtorrent_create(_options, source, variant, output):
    return [PYTHON, os.path.join(INTEROP, "lt.py"), "create", source.path, output, str(source.piece), variant]


def mktorrent_create(_options, source, variant, output):
    return variant == "v1" and [
        program("mktorrent"), "-t", str(THREADS), "-l", str(source.piece.bit_length() - 1),
        "-a", "http://127.0.0.1/announce", "-o", output, source.path]


def transmission_create(_options, source, variant, output):
    return variant == "v1" and [program("transmission-create"), "-s", str(source.piece // KIB),
                                "-o", output, source.path]


CREATORS = {"barter": barter_create, "libtorrent": libtorrent_create, "mktorrent": mktorrent_create,
            "transmission": transmission_create}


def barter_verify(options, source, _variant, torrent):
    return [options.barter, "verify", torrent, "--dir", os.path.dirname(source.path),
            "--threads", str(THREADS)]


def libtorrent_check(_options, source, _variant, torrent):
    return [PYTHON, os.path.join(INTEROP, "lt.py"), "check", torrent, os.path.dirname(source.path),
            str(THREADS)]


VERIFIERS = {"barter": barter_verify, "libtorrent": libtorrent_check}


def measured(command, source, folder):
    """Runs a command to its end; its figures."""
    own = measure.cpu_seconds(os.getpid())
    machine = measure.machine_cpu_seconds()
    with open(os.path.join(folder, "log"), "w+b") as log:
        began = measure.now()
        child = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=log, stderr=log, cwd=folder)
        watch = measure.Watch(child.pid, 0.005)
        try:
            _, status, usage = os.wait4(child.pid, 0)
        except BaseException:
            child.kill()
            raise
        wall = measure.now() - began
        child.returncode = os.waitstatus_to_exitcode(status)
        watch.stop()
        if child.returncode != 0:
            log.seek(0)
            raise AssertionError(f"{' '.join(command)}: ended with {child.returncode}\n"
                                 + log.read().decode(errors="replace")[-2000:])
    cpu = usage.ru_utime + usage.ru_stime
    machine = measure.machine_cpu_seconds() - machine
    own = measure.cpu_seconds(os.getpid()) - own
    return {"bytes": source.size, "wall": wall, "gb_per_second": source.size / wall / 1e9,
            "user": usage.ru_utime, "system": usage.ru_stime, "cpu": cpu,
            "rss": watch.rss, "anon": watch.anon, "foreign": (machine - own - cpu) / wall}


class Bench:
    def __init__(self, options, folder):
        self.options, self.folder = options, folder
        self.agreed = {}  # (input, variant) -> (tool, what its torrent says)
        self.results = {}

    def create(self, tool, source, variant, command):
        output = os.path.join(self.folder, f"{tool}.torrent")
        if os.path.exists(output):
            os.unlink(output)
        figures = measured(command, source, self.folder)
        self.compare(tool, source, variant, Torrent(output))
        return figures

    def compare(self, tool, source, variant, torrent):
        """Fails where two tools disagree. The order of small files in v1 is each tool's own affair."""
        said = []
        if variant != "v2" and source.name == "big":
            said.append(torrent.info[b"pieces"])
        if variant != "v1":
            said.append(torrent.info[b"file tree"])
        first, before = self.agreed.setdefault((source.name, variant), (tool, said))
        if said != before:
            raise AssertionError(f"{tool} and {first} made other hashes of {source.name}, {variant}")

    def add(self, source, variant, tool, run):
        row = f"{source.name} {variant} {tool}"
        self.results.setdefault((source.name, variant), {}).setdefault(tool, []).append(
            undisturbed(run, row, self.options.foreign))

    def create_row(self, source, variant, tools):
        output = os.path.join(self.folder, "{}.torrent")
        for tool in tools:
            command = CREATORS[tool](self.options, source, variant, output.format(tool))
            if command:
                self.add(source, variant, tool,
                         lambda tool=tool, command=command: self.create(tool, source, variant, command))

    def verify_row(self, source, variant, tools):
        torrent = os.path.join(self.folder, f"verify-{source.name}-{variant}.torrent")
        if not os.path.exists(torrent):
            subprocess.run(barter_create(self.options, source, variant, torrent), check=True,
                           stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        again = os.path.join(self.folder, "again.torrent")
        create = barter_create(self.options, source, variant, again) + ["--force"]
        self.add(source, variant, "barter create", lambda: measured(create, source, self.folder))
        for tool in tools:
            command = VERIFIERS[tool](self.options, source, variant, torrent)
            self.add(source, variant, f"{tool} verify", lambda command=command: measured(
                command, source, self.folder))

    def round(self, inputs, tools):
        row = self.create_row if self.options.table == "create" else self.verify_row
        for source in inputs:
            for variant in self.options.variants:
                row(source, variant, tools)


COLUMNS = [Column("wall s", "wall", spread=True), Column("GB/s", "gb_per_second"),
           Column("CPU s", "cpu", spread=True), Column("user", "user"), Column("system", "system"),
           Column("own MiB", "anon", "{:.0f}", 1 / KIB), Column("RSS MiB", "rss", "{:.0f}", 1 / KIB),
           Column("foreign %", "foreign", "{:.0f}", 100)]


def print_results(table, results):
    ours, reference = (("barter", None) if table == "create" else ("barter verify", "barter create"))
    for (name, variant), rows in results.items():
        print()
        print_table(f"{name} {variant}", COLUMNS, rows)
        rest = {tool: median(runs, "wall") for tool, runs in rows.items()
                if tool not in (ours, "barter create")}
        if ours in rows:
            wall = median(rows[ours], "wall")
            if rest:
                best = min(rest, key=rest.get)
                print(f"{ours}: {wall / rest[best]:.2f} of the time of {best}, the best other "
                      f"({rest[best] / wall:.1f} x as fast)")
            if reference in rows:
                print(f"{ours}: {wall / median(rows[reference], 'wall'):.2f} of the time of {reference}")
    for name in dict.fromkeys(name for name, _ in results):
        pair = [results.get((name, variant), {}).get(ours) for variant in ("hybrid", "v2")]
        if all(pair):
            print(f"\n{ours}, {name}: hybrid takes "
                  f"{median(pair[0], 'wall') / median(pair[1], 'wall'):.2f} of the time of v2")


def words(known):
    def parse(text):
        found = text.split(",")
        for word in found:
            if word not in known:
                raise argparse.ArgumentTypeError(f"no {word}; there are {', '.join(known)}")
        return found
    return parse


def arguments():
    parser = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0])
    parser.add_argument("table", choices=("create", "verify"))
    parser.add_argument("tools", nargs="*", metavar="TOOL",
                        help="default: all that are installed, of " + ", ".join(CREATORS)
                        + "; verify: " + ", ".join(VERIFIERS))
    parser.add_argument("--barter", default=os.path.join(ROOT, "build", "release", "bin", "barter"))
    parser.add_argument("--mib", type=int, default=4096, help="size of the big file (4096)")
    parser.add_argument("--files", type=int, default=20000, help="number of small files (20000)")
    parser.add_argument("--inputs", type=words(PIECE), default=list(PIECE), help="big,small")
    parser.add_argument("--variants", type=words(VARIANTS), default=list(VARIANTS), help="v1,v2,hybrid")
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--foreign", type=float, default=10,
                        help="per cent of a core that others may use in a run (10)")
    parser.add_argument("--folder", default="/dev/shm", help="where the data lies (/dev/shm)")
    parser.add_argument("--json", metavar="FILE", help="write every run to this file")
    options = parser.parse_args()
    options.barter = os.path.abspath(options.barter)
    known = CREATORS if options.table == "create" else VERIFIERS
    for tool in options.tools:
        if tool not in known:
            parser.error(f"no {tool} here; there are {', '.join(known)}")
    options.named = bool(options.tools)
    options.tools = options.tools or list(known)
    return options


def usable(options):
    """The tools that this machine has; a tool that was named must be there."""
    tools = []
    for tool in options.tools:
        try:
            if tool == "libtorrent":
                if subprocess.run([PYTHON, "-c", "import libtorrent"], capture_output=True,
                                  check=False).returncode != 0:
                    raise Skip("python3-libtorrent is not installed: samples/install.sh interop")
            elif tool != "barter":
                program({"transmission": "transmission-create"}.get(tool, tool))
            tools.append(tool)
        except Skip as missing:
            if options.named:
                sys.exit(f"hash.py: {missing}")
            print(f"left out: {missing}", file=sys.stderr)
    return tools


def main():
    options = arguments()
    tools = usable(options)
    needed = ("big" in options.inputs) * options.mib * MIB + options.files * SMALL_FILE * 2 + 64 * MIB
    free = shutil.disk_usage(options.folder).free
    if free < needed:
        sys.exit(f"hash.py: needs {needed // MIB} MiB in {options.folder}, {free // MIB} are free "
                 "(--mib, --folder)")
    measure.clean_up_on_sigterm()
    folder = tempfile.mkdtemp(prefix="barter-hash-", dir=options.folder)
    try:
        inputs = make_inputs(options, folder)
        work = os.path.join(folder, "work")
        os.makedirs(work)
        bench = Bench(options, work)
        for _ in range(options.runs):
            bench.round(inputs, tools)
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    what = {"big": f"{options.mib} MiB in 1 MiB pieces", "small": f"{options.files} files of 4 KiB in 64 KiB pieces"}
    print(f"{options.table}: {', '.join(what[source.name] for source in inputs)}; {options.runs} runs, "
          f"{THREADS} threads asked for: median (least-most)")
    print_results(options.table, bench.results)
    write_json(options.json, table=options.table, mib=options.mib, files=options.files, runs={
        f"{name} {variant}": rows for (name, variant), rows in bench.results.items()})
    return 0


if __name__ == "__main__":
    sys.exit(main())
