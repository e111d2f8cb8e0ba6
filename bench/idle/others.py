"""Other clients that seed the same thousands of torrents, given to them over their remote interfaces: second start,
memory and idle CPU. Their DHT and local discovery are off."""

import base64
import json
import os
import socket
import time
import urllib.error

from contestants import fetch, post, program
from network import accepts
from process import Process, until

ADDRESS = "127.0.0.1"
PATIENCE = 600  # seconds for all to be there


def free_port():
    with socket.socket() as probe:
        probe.bind((ADDRESS, 0))
        return probe.getsockname()[1]


class Other:
    def __init__(self, folder, torrents):
        self.folder = os.path.join(folder, self.kind)
        self.torrents = torrents
        self.port, self.web = free_port(), free_port()
        os.makedirs(self.folder)
        self.write_settings()

    def start(self):
        began = time.monotonic()
        process = Process(f"{self.kind}-{time.monotonic_ns()}", self.command(), self.folder,
                          env={"HOME": self.folder, "TRANSMISSION_HOME": self.folder})
        until(lambda: accepts(ADDRESS, self.web), 60, f"interface of {self.kind}", process)
        return process, began

    def measure(self, idle):
        count = len(self.torrents.hashes)
        process, _began = self.start()
        for name in sorted(os.listdir(self.torrents.torrents)):
            self.add(os.path.join(self.torrents.torrents, name))
        until(lambda: self.seeding() >= count, PATIENCE, f"all torrents in {self.kind}", process)
        process.stop(seconds=60)
        process, began = self.start()
        until(lambda: self.seeding() >= count, PATIENCE, f"all torrents in {self.kind}", process)
        out = {"second_start_s": time.monotonic() - began} | idle(process)
        process.stop(seconds=60)
        return out


class Transmission(Other):
    kind = "transmission"
    session = ""

    def write_settings(self):
        settings = {"rpc-enabled": True, "rpc-bind-address": ADDRESS, "rpc-port": self.web,
                    "rpc-whitelist-enabled": False, "rpc-authentication-required": False, "peer-port": self.port,
                    "bind-address-ipv4": ADDRESS, "port-forwarding-enabled": False, "dht-enabled": False,
                    "lpd-enabled": False, "pex-enabled": False, "download-dir": self.torrents.data,
                    "incomplete-dir-enabled": False, "peer-limit-global": 200}
        with open(os.path.join(self.folder, "settings.json"), "w", encoding="ascii") as file:
            json.dump(settings, file)

    def command(self):
        return [program("transmission-daemon"), "--foreground", "--config-dir", self.folder]

    def call(self, method, **arguments):
        body = json.dumps({"method": method, "arguments": arguments}).encode()
        for _ in range(2):
            try:
                reply = post(f"http://{ADDRESS}:{self.web}/transmission/rpc", body,
                             {"X-Transmission-Session-Id": self.session})
                return json.loads(reply)["arguments"]
            except urllib.error.HTTPError as error:
                if error.code != 409:
                    raise
                self.session = error.headers["X-Transmission-Session-Id"]
        raise AssertionError("transmission gives no session")

    def add(self, path):
        with open(path, "rb") as file:
            self.call("torrent-add", metainfo=base64.b64encode(file.read()).decode())

    def seeding(self):
        found = self.call("torrent-get", fields=["status"])["torrents"]
        return sum(torrent["status"] == 6 for torrent in found)


class Qbittorrent(Other):
    kind = "qbittorrent"

    def write_settings(self):
        config = os.path.join(self.folder, "qBittorrent", "config")
        os.makedirs(config)
        with open(os.path.join(config, "qBittorrent.conf"), "w", encoding="ascii") as file:
            file.write("[LegalNotice]\nAccepted=true\n[BitTorrent]\n"
                       f"Session\\Port={self.port}\nSession\\DHTEnabled=false\nSession\\LSDEnabled=false\n"
                       f"Session\\InterfaceAddress={ADDRESS}\nSession\\PeXEnabled=false\n"
                       "Session\\QueueingSystemEnabled=false\nSession\\AddTorrentPaused=false\n"
                       f"Session\\DefaultSavePath={self.torrents.data}\n"
                       "[Preferences]\nWebUI\\LocalHostAuth=false\nWebUI\\CSRFProtection=false\n"
                       f"WebUI\\HostHeaderValidation=false\nWebUI\\Address={ADDRESS}\nConnection\\UPnP=false\n"
                       "[Network]\nPortForwardingEnabled=false\n")

    def command(self):
        return [program("qbittorrent-nox"), f"--profile={self.folder}", f"--webui-port={self.web}"]

    def add(self, path):
        with open(path, "rb") as file:
            content = file.read()
        body = (b'--b\r\nContent-Disposition: form-data; name="torrents"; filename="t.torrent"\r\n'
                b"Content-Type: application/x-bittorrent\r\n\r\n" + content + b"\r\n--b--\r\n")
        post(f"http://{ADDRESS}:{self.web}/api/v2/torrents/add", body,
             {"Content-Type": "multipart/form-data; boundary=b"})

    def seeding(self):
        found = json.loads(fetch(f"http://{ADDRESS}:{self.web}/api/v2/torrents/info"))
        return sum(torrent["state"] in ("uploading", "stalledUP", "forcedUP") for torrent in found)


OTHERS = {other.kind: other for other in (Transmission, Qbittorrent)}
