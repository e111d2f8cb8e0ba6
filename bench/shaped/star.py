"""A shaped star network around the program `star`: hosts, each in a network namespace of its own.

    with Star(options.star, [Link("seed", up=20, down=40, delay=10), ...]) as star:
        with star.inside("seed"):        # this thread, and what it starts, is on that host
            subprocess.Popen(...)
        star.address("seed")
        star.counters()["hosts"]["seed"]["up_bytes"]

`star` ends with our end of its standard input, however we end, and the namespaces with it and the last
process in them. Raises NotHere where this machine allows no such network.
"""

import contextlib
import ctypes
import json
import os
import subprocess
import threading

NEW_NETWORK = 0x40000000  # CLONE_NEWNET


class NotHere(Exception):
    """No rights for network namespaces or TAP devices."""


class Link:
    """Rates in Mbit/s on the line (0: unshaped), delay in ms one way to the middle of the star."""

    def __init__(self, name, up=0.0, down=0.0, delay=10.0):
        self.name, self.up, self.down, self.delay = name, up, down, delay


class Star:
    def __init__(self, program, links, queue_ms=100, segments=False):
        self.links = {link.name: link for link in links}
        self._addresses = {link.name: f"10.88.{number // 250}.{number % 250 + 1}"
                           for number, link in enumerate(links)}
        arguments = [f"{link.name}:{self._addresses[link.name]}:{link.up}:{link.down}:{link.delay}"
                     for link in links]
        self._lock = threading.Lock()
        self._home = os.open("/proc/thread-self/ns/net", os.O_RDONLY)
        self._child = subprocess.Popen(
            [program, "--queue", str(queue_ms), *(["--segments"] if segments else []), *arguments],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        line = self._child.stdout.readline()
        if not line:
            reason = self._child.stderr.read().strip()
            self.close()
            raise (NotHere if self._child.returncode == 77 else RuntimeError)(reason)
        self._spaces = {}
        try:
            for name, number in json.loads(line)["namespaces"].items():
                self._spaces[name] = os.open(f"/proc/{self._child.pid}/fd/{number}", os.O_RDONLY)
        except OSError as error:
            self.close()
            raise NotHere(str(error)) from error

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    @property
    def pid(self):
        return self._child.pid

    def address(self, name):
        return self._addresses[name]

    @contextlib.contextmanager
    def inside(self, name):
        """Of this thread only."""
        enter(self._spaces[name])
        try:
            yield
        finally:
            enter(self._home)

    def counters(self):
        """Since the start; see star.cpp."""
        with self._lock:
            self._child.stdin.write("counters\n")
            self._child.stdin.flush()
            return json.loads(self._child.stdout.readline())

    def close(self):
        """Ends `star`; returns its last counters, None if there are none. May be called twice."""
        with contextlib.suppress(OSError):
            self._child.stdin.close()
        try:
            self._child.wait(5)
        except subprocess.TimeoutExpired:
            self._child.kill()
            self._child.wait()
        last = None
        if not self._child.stdout.closed:
            for line in self._child.stdout:
                last = json.loads(line)
            self._child.stdout.close()
            self._child.stderr.close()
            for space in [*getattr(self, "_spaces", {}).values(), self._home]:
                os.close(space)
        return last


def enter(space):
    """setns(2), which this Python does not have."""
    if ctypes.CDLL(None, use_errno=True).setns(space, NEW_NETWORK) != 0:
        error = ctypes.get_errno()
        raise NotHere(f"cannot enter a network namespace: {os.strerror(error)}")
