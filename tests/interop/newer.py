"""Clients that tests/interop/newer.sh installs: rows with them are skipped where it was not run."""

import json
import os
import signal
import urllib.error

from contestants import PYTHON, Peer, Skip, fetch, post, program
from network import accepts
from process import run, until

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


class Deluge(Peer):
    """The daemon, by its RPC. Started without the package deluged, which Debian would run as a service."""

    kind = "deluge"
    installed = "/usr/lib/python3/dist-packages/deluge/core/daemon_entry.py"
    daemon = [PYTHON, "-c", "from deluge.core.daemon_entry import start_daemon; start_daemon()"]

    def launch(self, torrent, folder):
        if not os.path.exists(self.installed):
            raise Skip("deluge-common is not installed: tests/interop/newer.sh")
        os.makedirs(folder, exist_ok=True)
        self.rpc = self.row.port()
        self.config = os.path.join(self.folder, "config")
        os.makedirs(self.config)
        settings = {"listen_ports": [self.port, self.port], "random_port": False, "listen_interface": self.address,
                    "outgoing_interface": self.address, "dht": False, "lsd": False, "utpex": False, "upnp": False,
                    "natpmp": False, "new_release_check": False, "download_location": folder}
        with open(os.path.join(self.config, "core.conf"), "w", encoding="ascii") as file:
            file.write(json.dumps({"file": 1, "format": 1}) + json.dumps(settings))
        self.start([*self.daemon, "--do-not-daemonize", "--config", self.config, "--port", str(self.rpc),
                    "--ui-interface", "127.0.0.1", "--loglevel", "warning"])
        until(lambda: accepts("127.0.0.1", self.rpc), 30, f"RPC of {self.name}", self.process)
        self.id = self.call("core.add_torrent_file", "t.torrent", {"content_of": torrent.path}, {})

    def call(self, method, *arguments):
        done = run([PYTHON, os.path.join(HERE, "deluge_rpc.py"), str(self.rpc), self.config, method,
                    json.dumps(arguments)], self.folder, "rpc", 20)
        if done.returncode != 0:
            raise AssertionError(done.tail())
        return json.loads(done.output())

    def status(self):
        keys = ["is_finished", "state", "all_time_download", "total_uploaded"]
        return self.call("core.get_torrent_status", self.id, keys)

    def finished(self):
        return self.status().get("state") == "Seeding"

    def seed(self, torrent, folder):
        self.launch(torrent, folder)
        self.wait(60)

    def get(self, torrent, folder, peers=()):
        self.launch(torrent, folder)

    def received(self):
        return self.status().get("all_time_download", 0)

    def sent(self):
        return self.status().get("total_uploaded", 0)


class Rqbit(Peer):
    """By its HTTP interface."""

    kind = "rqbit"
    stop_signal = signal.SIGINT

    def launch(self, torrent, folder):
        os.makedirs(folder, exist_ok=True)
        self.web = self.row.port()
        self.start([newer("rqbit"), "--http-api-listen-addr", f"127.0.0.1:{self.web}", "--disable-dht",
                    "--disable-lsd", "--disable-upnp-port-forward", "--listen-port", str(self.port), "download",
                    "--output-folder", folder, "--overwrite", torrent.path])
        until(lambda: accepts("127.0.0.1", self.web), 30, f"HTTP interface of {self.name}", self.process)

    def status(self):
        """Nothing while it has not read the torrent."""
        try:
            return json.loads(fetch(f"http://127.0.0.1:{self.web}/torrents/0/stats/v1"))
        except urllib.error.HTTPError as error:
            if error.code == 404:
                return {}
            raise

    def finished(self):
        return self.status().get("finished", False)

    def seed(self, torrent, folder):
        self.launch(torrent, folder)
        self.wait(60)

    def get(self, torrent, folder, peers=()):
        self.launch(torrent, folder)

    def received(self):
        return (self.status().get("live") or {}).get("snapshot", {}).get("fetched_bytes", 0)

    def sent(self):
        return (self.status().get("live") or {}).get("snapshot", {}).get("uploaded_bytes", 0)


NEWER_CLIENTS = {contestant.kind: contestant for contestant in (Qbittorrent, Deluge, Webtorrent, Anacrolix, Rqbit)}
