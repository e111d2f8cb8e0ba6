"""Runs the real program for tests/cli and holds what it prints with --json against docs/json.md."""

import json
import os
import re
import shutil
import signal
import socket
import subprocess
import tempfile
import time
import unittest

BARTER = os.environ["BARTER"]
SOURCE = os.environ["BARTER_SOURCE"]
KINDS = {"listening", "hashing", "simulating", "progress", "peer", "paused", "warning", "error", "complete",
         "metadata", "metainfo", "first_peer", "in_the_way", "left_out", "kept", "first_piece", "name", "state",
         "torrent", "shared", "reloaded", "peer_complete", "result"}
RFC3339 = re.compile(r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$")


def documented():
    """{event: fields}, and {command: fields of its result}, as docs/json.md has them."""
    with open(os.path.join(SOURCE, "docs", "json.md"), encoding="utf-8") as file:
        text = file.read()
    events, results = {}, {}
    for section in re.split(r"^### ", text, flags=re.M)[1:]:
        name, body = section.split("\n", 1)
        # Fields stand in the first column of a table, or, of warning and error, in the sentence.
        rows = [line.split("|")[1] for line in body.splitlines() if line.startswith("| `")]
        words = re.findall(r"`(\w+)`", " ".join(rows) if rows else body)
        events[name.strip()] = set(words)
        if name.strip() == "result":
            for paragraph in body.split("\n\n"):
                found = re.match(r"`(\w+)`", paragraph)
                if found and not paragraph.startswith("|"):
                    results.setdefault(found.group(1), set()).update(re.findall(r"`(\w+)`", paragraph))
    results["magnet"] |= results["show"]
    for kind in ("complete",):
        events[kind] |= results["create"]
    return events, results


EVENTS, RESULTS = documented()


def check_event(line):
    """One line of --json: an object of a documented kind, with documented fields of sane types."""
    event = json.loads(line)
    kind = event["event"]
    assert kind in KINDS, f"unknown kind: {line}"
    assert RFC3339.match(event["time"]), line
    known = EVENTS[kind] | {"event", "time"}
    if kind == "result":
        known |= RESULTS.get(event["command"], set()) | {"command", "exit_code"}
    assert set(event) <= known, f"{kind}: not in docs/json.md: {sorted(set(event) - known)}"
    for key, value in event.items():
        if key.startswith("bytes") or key.endswith(("_rate", "_size", "loaded")):
            assert value is None or isinstance(value, int), f"{key} is no integer: {line}"
        if key.endswith("info_hash"):
            assert value is None or re.fullmatch(r"[0-9a-f]{40}|[0-9a-f]{64}", value), line
    return event


class Done:
    """What a run of the program left."""

    def __init__(self, code, out, err, json_lines):
        self.code, self.out, self.err = code, out, err
        self.events = []
        if json_lines:
            # What --on-complete prints comes there.
            assert err in ("", "noise\n"), f"--json, and yet on standard error: {err}"
            self.events = [check_event(line) for line in out.splitlines()]
            assert self.events and self.events[-1]["event"] == "result", out
            assert [e["event"] for e in self.events].count("result") == 1, out
            assert self.events[-1]["exit_code"] == code, out

    def of(self, kind):
        return [event for event in self.events if event["event"] == kind]

    @property
    def result(self):
        return self.events[-1]


def free_port():
    with socket.socket() as probe:
        probe.bind(("", 0))  # barter listens at all addresses: what ended at another one counts, too
        return probe.getsockname()[1]


def kept_quiet(arguments):
    """The same, so that nothing is said to anybody but whom the test names."""
    if arguments and arguments[0] in ("get", "seed"):
        return (*arguments, *([] if "--dht-node" in arguments else ["--no-dht"]), "--no-lsd")
    return arguments


class BarterTest(unittest.TestCase):
    def setUp(self):
        self.folder = tempfile.mkdtemp(prefix="barter-cli-")
        self.addCleanup(shutil.rmtree, self.folder, True)
        self.environment = {key: value for key, value in os.environ.items()
                            if key not in ("SOURCE_DATE_EPOCH", "BARTER_LOG", "NO_COLOR")}
        self.environment["XDG_STATE_HOME"] = self.path("state")

    def path(self, *elements):
        return os.path.join(self.folder, *elements)

    def write(self, name, content):
        path = self.path(name)
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(path, "wb") as file:
            file.write(content if isinstance(content, bytes) else content.encode())
        return path

    def read(self, name):
        with open(self.path(name), "rb") as file:
            return file.read()

    def barter(self, *arguments, seconds=60, stdin=None, **environment):
        done = subprocess.run([BARTER, *kept_quiet(arguments)], cwd=self.folder, capture_output=True, timeout=seconds,
                              input=stdin, env={**self.environment, **environment}, check=False)
        json_lines = "--json" in arguments
        return Done(done.returncode, done.stdout.decode("utf-8", "surrogateescape"),
                    done.stderr.decode("utf-8", "surrogateescape"), json_lines)

    def good(self, *arguments, **options):
        done = self.barter(*arguments, **options)
        self.assertEqual(done.code, 0, f"{arguments}: {done.out}{done.err}")
        return done

    def bad(self, code, words, *arguments, **options):
        """It fails with the code, and with one line on standard error that holds the words."""
        done = self.barter(*arguments, **options)
        self.assertEqual(done.code, code, f"{arguments}: {done.out}{done.err}")
        lines = [line for line in done.err.splitlines() if line.startswith("barter: ")
                 and not line.startswith("barter: warning")]
        self.assertEqual(len(lines), 1, done.err)
        for word in [words] if isinstance(words, str) else words:
            self.assertIn(word, lines[0])
        return done

    def start(self, *arguments, **options):
        running = Running([BARTER, *kept_quiet(arguments)], self.folder, self.environment, **options)
        self.addCleanup(running.kill)
        return running


class Running:
    """A barter that runs beside the test, its --json read as it comes."""

    def __init__(self, command, folder, environment, **options):
        # We share the place in the file with the program: it appends, and we read by absolute places.
        self.log = tempfile.TemporaryFile("a+b")
        self.errors = tempfile.TemporaryFile("a+b")
        self.json_lines = "--json" in command
        self.process = subprocess.Popen(command, cwd=folder, env=environment, stdout=self.log,
                                        stderr=self.errors, stdin=subprocess.DEVNULL, **options)

    def text(self, file):
        descriptor = file.fileno()
        return os.pread(descriptor, os.fstat(descriptor).st_size, 0).decode("utf-8", "surrogateescape")

    def wait_for(self, kind, seconds=30, where=lambda event: True):
        """The first event of a kind."""
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            text = self.text(self.log)
            for line in text[:text.rfind("\n") + 1].splitlines():
                event = check_event(line)
                if event["event"] == kind and where(event):
                    return event
            if self.process.poll() is not None:
                break
            time.sleep(0.02)
        raise AssertionError(f"no {kind}: {self.text(self.log)}{self.text(self.errors)}")

    def wait(self, seconds=30):
        code = self.process.wait(seconds)
        return Done(code, self.text(self.log), self.text(self.errors), self.json_lines)

    def end(self, number=signal.SIGINT, seconds=30):
        self.process.send_signal(number)
        return self.wait(seconds)

    def kill(self):
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait()
        self.log.close()
        self.errors.close()
