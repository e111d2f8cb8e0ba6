"""Clients that tests/interop/newer.sh installs: rows with them are skipped where it was not run."""

import json
import os
import signal

from contestants import Peer, Skip, fetch, post, program
from network import accepts
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


class Qbittorrent(Peer):
    """By its web interface, which asks nobody of this machine for a password here."""

    kind = "qbittorrent"

    def launch(self, torrent, folder, seeding):
        try:
            nox = program("qbittorrent-nox")
        except Skip:
            raise Skip("qbittorrent-nox is not installed: tests/interop/newer.sh") from None
        os.makedirs(folder, exist_ok=True)
        self.web = self.row.port()
        config = os.path.join(self.folder, "qBittorrent", "config")
        os.makedirs(config)
        with open(os.path.join(config, "qBittorrent.conf"), "w", encoding="ascii") as file:
            file.write("[LegalNotice]\nAccepted=true\n"
                       "[BitTorrent]\n"
                       f"Session\\Port={self.port}\nSession\\DHTEnabled=false\nSession\\LSDEnabled=false\n"
                       f"Session\\InterfaceAddress={self.address}\n"
                       "Session\\PeXEnabled=false\nSession\\AddTorrentPaused=false\n"
                       "[Preferences]\nWebUI\\LocalHostAuth=false\nWebUI\\CSRFProtection=false\n"
                       "WebUI\\HostHeaderValidation=false\nWebUI\\Address=127.0.0.1\n"
                       "Connection\\UPnP=false\n[Network]\nPortForwardingEnabled=false\n")
        self.start([nox, f"--profile={self.folder}", f"--webui-port={self.web}"])
        until(lambda: accepts("127.0.0.1", self.web), 30, f"web interface of {self.name}", self.process)
        with open(torrent.path, "rb") as file:
            content = file.read()
        parts = {"savepath": folder, "skip_checking": "false", "paused": "false", "root_folder": "true"}
        body = b"".join(f'--b\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n{value}\r\n'.encode()
                        for name, value in parts.items())
        body += (b'--b\r\nContent-Disposition: form-data; name="torrents"; filename="t.torrent"\r\n'
                 b"Content-Type: application/x-bittorrent\r\n\r\n" + content + b"\r\n--b--\r\n")
        post(f"http://127.0.0.1:{self.web}/api/v2/torrents/add", body,
             {"Content-Type": "multipart/form-data; boundary=b"})
        if seeding:
            self.wait(60)

    def status(self):
        found = json.loads(fetch(f"http://127.0.0.1:{self.web}/api/v2/torrents/info"))
        return found[0] if found else {}

    def finished(self):
        return self.status().get("state") in ("uploading", "stalledUP", "forcedUP", "queuedUP")

    def seed(self, torrent, folder):
        self.launch(torrent, folder, True)

    def get(self, torrent, folder, peers=()):
        self.launch(torrent, folder, False)

    def received(self):
        return self.status().get("downloaded", 0)

    def sent(self):
        return self.status().get("uploaded", 0)


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


NEWER_CLIENTS = {contestant.kind: contestant for contestant in (Qbittorrent, Webtorrent, Anacrolix)}
