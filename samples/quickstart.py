"""One `barter share` and eight `barter get`s on this machine: who gives whom how much.

Started by quickstart.sh. Each process has its own folder, everything is below one temporary folder, and
every process is ended by its id. All talk over 127.0.0.1.
"""

import argparse
import contextlib
import json
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time

MIB = 1 << 20


class Barter:
    """A running barter with --json, and what it has told."""

    def __init__(self, name, command, folder):
        self.name = name
        self.port = free_port()
        self.folder = os.path.join(folder, name.replace(" ", "-"))
        os.makedirs(self.folder)
        self.log = os.path.join(self.folder, "events")
        self.errors = os.path.join(self.folder, "errors")
        environment = dict(os.environ, XDG_STATE_HOME=os.path.join(self.folder, "state"), no_proxy="*")
        with open(self.log, "wb") as out, open(self.errors, "wb") as errors:
            self.process = subprocess.Popen(
                [*command, "--port", str(self.port), "--json"], cwd=self.folder, env=environment,
                stdin=subprocess.DEVNULL, stdout=out, stderr=errors)
        self.at = 0
        self.peer_id = ""
        self.url = ""
        self.progress = {}
        self.complete = False
        self.peers = []
        self.failure = ""

    def read(self):
        with open(self.log, "rb") as file:
            file.seek(self.at)
            data = file.read()
        end = data.rfind(b"\n") + 1
        self.at += end
        for line in data[:end].splitlines():
            self.told(json.loads(line))

    def told(self, event):
        kind = event["event"]
        if kind == "listening":
            self.peer_id = event.get("peer_id", self.peer_id)
            found = re.search(r"http://[^\"\s]+\.torrent", json.dumps(event, ensure_ascii=False))
            self.url = found.group(0) if found else self.url
        elif kind == "progress":
            self.progress = event
        elif kind == "complete":
            self.complete = True
        elif kind == "peer" and "downloaded" in event:
            self.peers.append(event)
        elif kind == "error":
            self.failure = event.get("message", "")

    def alive(self):
        """Fails if it ended by itself."""
        code = self.process.poll()
        if code is not None:
            self.read()
            with open(self.errors, encoding="utf-8", errors="replace") as file:
                told = self.failure or file.read().strip() or "no word"
            raise SystemExit(f"quickstart: {self.name} ended with {code}: {told}")

    def end(self):
        """Asks it to stop; returns its exit code."""
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
            try:
                self.process.wait(15)
            except subprocess.TimeoutExpired:
                self.process.kill()
        code = self.process.wait()
        self.read()
        return code


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def size(count):
    return f"{count / MIB:.1f}"


def show(share, gets, total, began):
    """The lines of the progress table."""
    yield f"{time.monotonic() - began:5.1f} s   {'':30}  {'MiB':>6} {'MiB/s in':>9} {'MiB/s out':>9} peers"
    for barter in [share, *gets]:
        done = total if barter is share or barter.complete else barter.progress.get("bytes_done", 0)
        bar = "#" * int(30 * done / total)
        told = barter.progress
        yield (f"{barter.name:7}  {bar:30}  {size(done):>6} {size(told.get('down_rate', 0)):>9} "
               f"{size(told.get('up_rate', 0)):>9} {told.get('peers', 0):>5}")


class Screen:
    """Draws a table over the one before on a terminal; elsewhere prints a line now and then."""

    def __init__(self):
        self.terminal = sys.stdout.isatty() and os.environ.get("TERM", "dumb") != "dumb"
        self.lines = 0
        self.next = 0.0

    def draw(self, lines, summary, last=False):
        if self.terminal:
            up = f"\x1b[{self.lines}A" if self.lines else ""
            print(up + "\n".join("\x1b[2K" + line for line in lines), flush=True)
            self.lines = len(lines)
        elif last or time.monotonic() >= self.next:
            self.next = time.monotonic() + 3
            print(summary, flush=True)


def follow(share, gets, total, timeout):
    """Until every get has all."""
    began = time.monotonic()
    screen = Screen()
    while True:
        for barter in [share, *gets]:
            barter.read()
        finished = sum(get.complete for get in gets)
        done = sum(total if get.complete else get.progress.get("bytes_done", 0) for get in gets)
        summary = (f"{time.monotonic() - began:5.1f} s: {finished} of {len(gets)} have it all, "
                   f"{size(done)} of {size(total * len(gets))} MiB arrived")
        screen.draw(list(show(share, gets, total, began)), summary, finished == len(gets))
        if finished == len(gets):
            return time.monotonic() - began
        for barter in [share, *gets]:
            barter.alive()
        if time.monotonic() - began > timeout:
            raise SystemExit(f"quickstart: not finished after {timeout:.0f} s")
        time.sleep(0.25)


def given(share, gets):
    """(giver, taker) -> bytes, as the takers counted them."""
    names = {barter.peer_id: barter.name for barter in [share, *gets] if barter.peer_id}
    table = {}
    for get in gets:
        for peer in get.peers:
            giver = names.get(peer.get("peer_id"), "?")
            table[giver, get.name] = table.get((giver, get.name), 0) + peer["downloaded"]
    return table


def print_given(share, gets, total):
    table = given(share, gets)
    names = [get.name for get in gets]
    givers = [share.name, *names] + (["?"] if any(giver == "?" for giver, _ in table) else [])
    print(f"\nWho gave whom how much, in MiB (rows give, columns take)\n\n{'':7}"
          + "".join(f"{name:>7}" for name in names) + f"{'gave':>8}{'copies':>8}")
    for giver in givers:
        row = [table.get((giver, name), 0) for name in names]
        print(f"{giver:7}" + "".join(f"{size(count) if count else '-':>7}" for count in row)
              + f"{size(sum(row)):>8}{sum(row) / total:>8.2f}")
    columns = [sum(table.get((giver, name), 0) for giver in givers) for name in names]
    print(f"{'took':7}" + "".join(f"{size(count):>7}" for count in columns) + f"{size(sum(columns)):>8}")
    from_share = sum(table.get((share.name, name), 0) for name in names)
    if sum(columns):
        print(f"\nOf all that was taken, {100 * (1 - from_share / sum(columns)):.0f} % came from the other "
              f"gets; the share gave {from_share / total:.2f} copies for {len(names)}.")


def same(one, other):
    with open(one, "rb") as left, open(other, "rb") as right:
        while True:
            a, b = left.read(MIB), right.read(MIB)
            if a != b:
                return False
            if not a:
                return True


def arguments():
    parser = argparse.ArgumentParser(prog="quickstart.sh")
    parser.add_argument("--barter", required=True, help=argparse.SUPPRESS)
    parser.add_argument("--mib", type=int, default=24, help="size of the shared file (24)")
    parser.add_argument("--gets", type=int, default=8, help="how many download (8)")
    parser.add_argument("--keep", action="store_true", help="keep the temporary folder")
    return parser.parse_args()


def main():
    options = arguments()
    barter = os.path.abspath(options.barter)
    folder = tempfile.mkdtemp(prefix="barter-quickstart-")
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    started = []
    with contextlib.ExitStack() as cleanup:
        if not options.keep:
            cleanup.callback(shutil.rmtree, folder, ignore_errors=True)
        cleanup.callback(lambda: [process.end() for process in reversed(started)])

        source = os.path.join(folder, "sample.bin")
        with open(source, "wb") as file:
            for _ in range(options.mib):
                file.write(os.urandom(MIB))
        total = options.mib * MIB

        share = Barter("share", [barter, "share", source, "--address", "127.0.0.1",
                                 "--up-limit", "4MiB"], folder)
        started.append(share)
        deadline = time.monotonic() + 60
        while not share.url:
            share.alive()
            share.read()
            if time.monotonic() > deadline:
                raise SystemExit("quickstart: the share named no URL within 60 s")
            time.sleep(0.05)
        print(f"sharing {options.mib} MiB, at most 4 MiB/s out; {options.gets} gets, 2 MiB/s out each:\n"
              f"  barter get {share.url}\n", flush=True)
        gets = []
        for number in range(1, options.gets + 1):
            get = Barter(f"get {number}", [barter, "get", share.url, "--dir", "data", "--seed",
                                           "--up-limit", "2MiB"], folder)
            gets.append(get)
            started.append(get)

        seconds = follow(share, gets, total, timeout=60 + 10 * options.mib)
        codes = [get.end() for get in gets] + [share.end()]
        bad = [(each.name, code) for each, code in zip([*gets, share], codes) if code != 0]
        if bad:
            raise SystemExit(f"quickstart: stopped, but not well: {bad}")
        for get in gets:
            if not same(source, os.path.join(get.folder, "data", "sample.bin")):
                raise SystemExit(f"quickstart: {get.name} got something else than was shared")
        print_given(share, gets, total)
        print(f"\nAll {len(gets)} have the same {options.mib} MiB after {seconds:.1f} s.")
        if options.keep:
            print(f"kept: {folder}")


if __name__ == "__main__":
    try:
        main()
    except KeyboardInterrupt:
        sys.exit(130)
