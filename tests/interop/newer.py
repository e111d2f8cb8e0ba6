"""Clients that tests/interop/newer.sh installs: rows with them are skipped where it was not run."""

import json
import os
import signal

from contestants import Peer, Skip, program
from process import until

HERE = os.path.dirname(os.path.abspath(__file__))
NEWER = os.path.abspath(os.path.join(HERE, "..", "..", "build", "newer"))


def newer(*path):
    place = os.path.join(NEWER, *path)
    if not os.path.exists(place):
        raise Skip(f"{path[-1]} is not installed: tests/interop/newer.sh")
    return place


class Webtorrent(Peer):
    kind = "webtorrent"

    def launch(self, torrent, folder):
        newer("node_modules", "webtorrent")
        os.makedirs(folder, exist_ok=True)
        self.start([program("node"), os.path.join(HERE, "webtorrent.mjs"), torrent.path, folder, str(self.port)],
                   {"WEBTORRENT": NEWER})

    def status(self):
        lines = [line for line in self.process.output().splitlines() if line.startswith("{") and line.endswith("}")]
        return json.loads(lines[-1]) if lines else {}

    def finished(self):
        return self.status().get("done", False)

    def seed(self, torrent, folder):
        self.launch(torrent, folder)
        self.wait(60)

    def get(self, torrent, folder, peers=()):
        self.launch(torrent, folder)

    def received(self):
        return self.status().get("received", 0)

    def sent(self):
        return self.status().get("sent", 0)


class Anacrolix(Peer):
    """The library that most programs in Go are made with, by the program that comes with it."""

    kind = "anacrolix"
    stop_signal = signal.SIGINT

    def launch(self, torrent, folder):
        os.makedirs(folder, exist_ok=True)
        self.data = folder
        # It keeps the files in its working folder.
        self.start(["/bin/sh", "-c", 'cd "$1" && shift && exec "$@"', "sh", folder, newer("anacrolix"), "download",
                    "--seed", "--no-dht", "--no-port-forward", "--no-webtorrent", "--no-pex", "--no-progress",
                    "--addr", f":{self.port}", torrent.path])

    def finished(self):
        return "downloaded ALL the torrents" in self.process.errors()

    def seed(self, torrent, folder):
        self.launch(torrent, folder)
        until(lambda: self.listens() and self.finished(), 60, f"{self.name} to check its files", self.process)

    def get(self, torrent, folder, peers=()):
        self.launch(torrent, folder)

    def received(self):
        """What it does not tell, the disk does."""
        blocks = 0
        for folder, _folders, files in os.walk(self.data):
            blocks += sum(os.stat(os.path.join(folder, name)).st_blocks for name in files if not name.startswith("."))
        return 512 * blocks


NEWER_CLIENTS = {contestant.kind: contestant for contestant in (Webtorrent, Anacrolix)}
