"""One row of the table: a name and a function that gets a Row; and what all rows share (Bench)."""

import os
import shutil
import subprocess
import threading
import time
import traceback

import contents
from contestants import HERE, PYTHON, Cannot, Skip
from network import Addresses
from place import Place
from process import Timeout, run
from torrents import Torrent

KIB, MIB = 1024, 1 << 20


class Library:
    """Sample contents and their torrents, made once however many rows ask for them."""

    MAKERS = {"single": contents.single, "tree": contents.tree, "many": contents.many,
              "sparse": contents.sparse,
              "large": lambda root: contents.single(root, mib=150, seed=5),
              "medium": lambda root: contents.single(root, mib=32, seed=6),
              "small": lambda root: contents.single(root, mib=0.2, seed=7)}

    def __init__(self, folder, barter):
        self.folder = folder
        self.barter = barter  # None: libtorrent makes the torrents
        self._locks = {}
        self._guard = threading.Lock()
        self._made = {}

    def _once(self, key, make):
        with self._guard:
            lock = self._locks.setdefault(key, threading.Lock())
        with lock:
            if key not in self._made:
                self._made[key] = make()
            return self._made[key]

    def source(self, content):
        """The path of the file or folder."""
        def make():
            folder = os.path.join(self.folder, content)
            os.makedirs(folder)
            return self.MAKERS[content](folder)
        return self._once(content, make)

    def torrent(self, content, piece_length=64 * KIB, variant="v1"):
        source = self.source(content)
        key = f"{content}-{piece_length}-{variant}"

        def make():
            path = os.path.join(self.folder, key + ".torrent")
            if self.barter:
                command = [self.barter, "create", source, "--" + variant, "--piece-length",
                           str(piece_length), "--output", path]
            else:
                command = [PYTHON, os.path.join(HERE, "lt.py"), "create", source, path,
                           str(piece_length), variant]
            made = run(command, self.folder, "create", 60)
            assert made.returncode == 0, f"create failed\n{made.tail()}"
            return Torrent(path)
        return self._once(key, make)


class Row(Place):
    """What a row's function works with. Everything it starts is stopped at its end."""

    def __init__(self, name, library, addresses, folder):
        super().__init__(folder, library.barter, addresses)
        self.name = name
        self.library = library

    def path(self, *parts):
        return os.path.join(self.folder, *parts)

    def copy(self, content):
        """A folder of this row's own with the content in it: some clients write beside what they seed."""
        source = self.library.source(content)
        folder = self.path("data-" + content)
        if not os.path.exists(folder):
            os.makedirs(folder)
            subprocess.run(["cp", "-a", "--sparse=auto", "--", source, folder], check=True)
        return folder

    def run(self, *arguments, seconds=60, env=None):
        return run(arguments, self.folder, "run", seconds, env)


class Result:
    """ok, failed, cannot or skipped; the reason; how long it took."""

    WORDS = {"ok": "ok", "failed": "FAILED", "cannot": "peer cannot", "skipped": "skipped"}

    def __init__(self, name, result, reason, seconds):
        self.name, self.result, self.reason, self.seconds = name, result, reason, seconds

    def text(self):
        word = self.WORDS[self.result]
        return f"{word}: {self.reason}" if self.reason and self.result != "failed" else word

    def json(self):
        return {"name": self.name, "result": self.result, "reason": self.reason,
                "seconds": round(self.seconds, 2)}


class Bench:
    """Runs rows, each in a folder of its own that is removed afterwards."""

    def __init__(self, folder, barter, keep=False):
        self.folder = folder
        self.keep = keep
        self.addresses = Addresses()
        self.library = Library(os.path.join(folder, "library"), barter)
        os.makedirs(self.library.folder)
        self._running = set()

    def abort(self):
        """Ends what all rows have started: they fail soon."""
        for row in list(self._running):
            row.kill_all()

    def run(self, number, name, function):
        folder = os.path.join(self.folder, f"{number:03}")
        row = Row(name, self.library, self.addresses, folder)
        self._running.add(row)
        began = time.monotonic()
        result, reason = "failed", ""
        try:
            measured = function(row)
            reason = measured if isinstance(measured, str) else ""
            result = "ok"
        except Cannot as limit:
            result, reason = "cannot", str(limit)
        except Skip as limit:
            result, reason = "skipped", str(limit)
        except (AssertionError, Timeout) as error:
            reason = str(error) or "".join(traceback.format_exc())
        except Exception:  # a row that breaks must not take the table with it
            reason = traceback.format_exc()
        finally:
            if result == "failed":
                tails = [peer.process.tail(6) for peer in row.peers if peer.process is not None]
                # The one that it waited for has had its say.
                reason += "".join("\n" + tail for tail in tails if tail.split("\n")[0] not in reason)
            self._running.discard(row)
            row.close()
            if not self.keep:
                shutil.rmtree(folder, ignore_errors=True)
        return Result(name, result, reason, time.monotonic() - began)
