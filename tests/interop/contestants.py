"""The programs that trade, one class each, all used alike:

    peer = Aria2(row)                      # row: folder, address(), port(), barter (see row.py)
    peer.seed(torrent, folder)             # returns when it serves
    peer.get(torrent, folder, peers=[])    # returns when it runs; torrent may be a magnet link
    peer.wait(seconds)                     # until all is there
    peer.received(), peer.sent()           # payload bytes, by its own count; None where it has none
    peer.stop()

DHT, local discovery, peer exchange, uTP, encryption and port mapping are off in all of them (aria2's DHT is on, but alone,
where the tracker is a UDP one; barter's peer exchange is on): what they know of each other they know from the
tracker under test or from us. A row may set `as_installed` (uTP and encryption stay as they come), and `finds` ("dht", "pex") and `dht_node` before it starts one.
"""

import base64
import functools
import json
import os
import re
import shutil
import signal
import socket
import subprocess
import tempfile
import urllib.error
import urllib.parse
import urllib.request
import xmlrpc.client

from network import accepts, has_ipv6, is_private
from process import Process, until
from torrents import decode

HERE = os.path.dirname(os.path.abspath(__file__))
UNPACKED = os.path.join(HERE, "..", "..", "build", "programs", "usr")
PYTHON = "/usr/bin/python3"  # python3-libtorrent is built for this one


class Cannot(Exception):
    """The other program cannot do this: its limit, not ours."""


class Skip(Exception):
    """This machine does not allow it."""


def program(name):
    """Where a program is: installed, or unpacked by samples/install.sh."""
    folders = os.environ.get("PATH", "").split(":") + ["/usr/bin", "/usr/sbin"]
    for folder in folders + [os.path.join(UNPACKED, "bin"), os.path.join(UNPACKED, "sbin")]:
        path = os.path.join(folder, name)
        if os.access(path, os.X_OK) and not os.path.isdir(path):
            return os.path.abspath(path)
    raise Skip(f"{name} is not installed: samples/install.sh interop unpack")


def post(url, body, headers=None):
    """POST, never through a proxy of the environment."""
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    request = urllib.request.Request(url, data=body, headers=headers or {})
    with opener.open(request, timeout=10) as reply:
        return reply.read()


def fetch(url):
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    with opener.open(url, timeout=10) as reply:
        return reply.read()


class Peer:
    """What they share. `hybrid_limit`: None, or why it cannot trade hybrids."""

    kind = "peer"
    hybrid_limit = None
    creates_empty_files = True
    knows_pads = False  # BEP 47; else pads are files to it, to be there when it seeds
    magnets = False
    stop_signal = signal.SIGTERM
    stop_seconds = 8
    as_installed = False  # uTP and encryption as they come, instead of off
    finds = frozenset()  # ways of finding peers that are on: "dht", "pex"
    dht_node = None      # (host, port) where to enter the DHT

    def __init__(self, row, label=None):
        self.row = row
        self.address = row.address()
        self.port = row.port()
        self.name = label or f"{self.kind}-{self.port}"
        self.folder = os.path.join(row.folder, self.name)
        os.makedirs(self.folder)
        self.process = None
        row.started(self)

    def check_tracker(self):
        """Raises Skip where it would make nothing of the addresses that a tracker gives here."""

    def check(self, torrent):
        """Raises Cannot for a torrent that this program is known not to read."""
        if not isinstance(torrent, str) and torrent.hybrid and self.hybrid_limit:
            raise Cannot(self.hybrid_limit)

    def name_on_disk(self, path):
        """What this program calls that file of a torrent; None where it creates none."""
        return path

    def start(self, arguments, env=None):
        number = 0 if self.process is None else int(self.process.name.rsplit(".", 1)[1]) + 1
        home = {"HOME": self.folder, "XDG_STATE_HOME": self.folder, "NO_COLOR": "1",
                "http_proxy": "", "https_proxy": "", "LC_ALL": "C.UTF-8"}
        self.process = Process(f"{self.name}.{number}", arguments, self.folder, env={**home, **(env or {})})
        return self.process

    def endpoint(self):
        return self.address, self.port

    def wait(self, seconds):
        until(self.finished, seconds, f"completion of {self.name}", self.process)

    def listens(self):
        return accepts(self.address, self.port)

    def stop(self):
        if self.process is not None:
            return self.process.stop(self.stop_signal, self.stop_seconds)
        return None

    def leave(self):
        """Withdraws from the swarm without ending, where ending alone would not tell the tracker."""
        return False

    def kill(self):
        if self.process is not None:
            self.process.kill()

    def received(self):
        return None

    def sent(self):
        return None


class JsonLines:
    """Reads the JSON lines that a process prints, each once."""

    def __init__(self):
        self.events = []
        self._path = None
        self._at = 0

    def read(self, process):
        if process.out_path != self._path:
            self._path, self._at = process.out_path, 0
        with open(self._path, "rb") as file:
            file.seek(self._at)
            data = file.read()
        end = data.rfind(b"\n") + 1
        self._at += end
        for line in data[:end].split(b"\n"):
            if line.startswith(b"{"):
                self.events.append(json.loads(line))
        return self.events

    def last(self, process, event):
        for found in reversed(self.read(process)):
            if found.get("event") == event:
                return found
        return None


class Libtorrent(Peer):
    kind = "libtorrent"
    knows_pads = True
    magnets = True

    def __init__(self, row, label=None):
        super().__init__(row, label)
        self.lines = JsonLines()

    def run(self, torrent, folder, peers=(), **options):
        os.makedirs(folder, exist_ok=True)
        options |= {"address": self.address, "port": self.port, "folder": folder,
                    "peers": [list(peer) for peer in peers], "finds": sorted(self.finds),
                    "dht_node": self.dht_node, "as_installed": self.as_installed}
        options["magnet" if isinstance(torrent, str) else "torrent"] = (
            torrent if isinstance(torrent, str) else torrent.path)
        self.lines = JsonLines()
        self.start([PYTHON, os.path.join(HERE, "lt.py"), "peer", json.dumps(options)])
        until(lambda: self.lines.last(self.process, "listening"), 20, f"listening {self.name}",
              self.process)

    def seed(self, torrent, folder, **options):
        self.run(torrent, folder, seed=True, **options)
        self.wait(60)

    def get(self, torrent, folder, peers=(), **options):
        self.run(torrent, folder, peers, **options)

    def finished(self):
        return self.lines.last(self.process, "finished")

    def stats(self):
        return self.lines.last(self.process, "stats") or {}

    def received(self):
        return self.stats().get("down", 0)

    def sent(self):
        return self.stats().get("up", 0)


class Libtorrent6(Libtorrent):
    """The same with nothing but an IPv6 address."""

    kind = "libtorrent (IPv6)"

    def __init__(self, row, label=None):
        super().__init__(row, label)
        self.address = row.addresses.address6()


class Transmission(Peer):
    """transmission-daemon, spoken to by its RPC."""

    kind = "transmission"
    magnets = True
    hybrid_limit = "transmission 3.00 takes no torrent with a v2 side"
    creates_empty_files = False

    def name_on_disk(self, path):
        """It spares Windows: no quotes, no devices."""
        parts = [re.sub(r'[<>:"/\\|?*\x00-\x1f]', "_", part) for part in path.split("/")]
        return "/".join(re.sub(r"(?i)^(con|prn|aux|nul|com\d|lpt\d)(\.|$)", r"\1_\2", part)
                        for part in parts)

    def check_tracker(self):
        if not is_private():
            raise Skip("transmission connects to no loopback address; a private namespace is not allowed")

    def settings(self):
        return {
            "bind-address-ipv4": self.address, "bind-address-ipv6": "::1", "peer-port": self.port,
            "peer-port-random-on-start": False, "port-forwarding-enabled": False,
            "dht-enabled": "dht" in self.finds, "pex-enabled": "pex" in self.finds,
            "lpd-enabled": False, "utp-enabled": self.as_installed,
            "encryption": 1 if self.as_installed else 0, "preallocation": 1, "cache-size-mb": 4, "blocklist-enabled": False,
            "scrape-paused-torrents-enabled": False, "idle-seeding-limit-enabled": False,
            "rpc-enabled": True, "rpc-bind-address": self.address, "rpc-port": self.rpc,
            "rpc-whitelist-enabled": False, "rpc-host-whitelist-enabled": False,
            "rpc-authentication-required": False, "incomplete-dir-enabled": False,
            "download-dir": self.folder, "start-added-torrents": True, "message-level": 2,
        }

    def launch(self):
        self.rpc = self.row.port()
        self.session = ""
        self.id = None
        config = os.path.join(self.folder, "config")
        os.makedirs(config, exist_ok=True)
        with open(os.path.join(config, "settings.json"), "w", encoding="utf-8") as file:
            json.dump(self.settings(), file)
        if self.dht_node:
            with open(os.path.join(config, "dht.bootstrap"), "w", encoding="utf-8") as file:
                file.write("{} {}\n".format(*self.dht_node))
        self.start([program("transmission-daemon"), "-f", "-g", config],
                   env={"TRANSMISSION_HOME": config})
        until(lambda: accepts(self.address, self.rpc), 20, f"RPC of {self.name}", self.process)

    def call(self, method, **arguments):
        body = json.dumps({"method": method, "arguments": arguments}).encode()
        for _ in range(2):
            try:
                reply = post(f"http://{self.address}:{self.rpc}/transmission/rpc", body,
                             {"X-Transmission-Session-Id": self.session})
                break
            except urllib.error.HTTPError as error:
                if error.code != 409:
                    raise
                self.session = error.headers["X-Transmission-Session-Id"]
        reply = json.loads(reply)
        if reply["result"] != "success":
            raise RuntimeError(f"{self.name}: {method}: {reply['result']}")
        return reply["arguments"]

    def add(self, torrent, folder):
        self.check(torrent)
        os.makedirs(folder, exist_ok=True)
        self.launch()
        if isinstance(torrent, str):
            reply = self.call("torrent-add", filename=torrent, **{"download-dir": folder})
        else:
            with open(torrent.path, "rb") as file:
                data = base64.b64encode(file.read()).decode()
            reply = self.call("torrent-add", metainfo=data, **{"download-dir": folder})
        self.id = reply["torrent-added"]["id"]

    def status(self):
        fields = ["leftUntilDone", "status", "metadataPercentComplete", "errorString",
                  "recheckProgress", "downloadedEver", "uploadedEver", "sizeWhenDone"]
        return self.call("torrent-get", ids=[self.id], fields=fields)["torrents"][0]

    def finished(self):
        status = self.status()
        return (status["metadataPercentComplete"] == 1 and status["leftUntilDone"] == 0
                and status["status"] in (5, 6))

    def seed(self, torrent, folder):
        self.add(torrent, folder)
        self.call("torrent-verify", ids=[self.id])
        self.wait(60)

    def get(self, torrent, folder, peers=()):
        self.add(torrent, folder)

    def received(self):
        return self.status()["downloadedEver"]

    def sent(self):
        return self.status()["uploadedEver"]


    def leave(self):
        # Ended by a signal alone it does not tell its tracker.
        self.call("torrent-stop", ids=[self.id])
        return True


class TransmissionCli(Transmission):
    """transmission-cli: downloads; a script of its own tells us that it finished."""

    kind = "transmission-cli"

    def get(self, torrent, folder, peers=()):
        self.check(torrent)
        os.makedirs(folder, exist_ok=True)
        self.rpc = 0
        config = os.path.join(self.folder, "config")
        os.makedirs(config)
        with open(os.path.join(config, "settings.json"), "w", encoding="utf-8") as file:
            json.dump(self.settings() | {"rpc-enabled": False}, file)
        self.done = os.path.join(self.folder, "done")
        script = os.path.join(self.folder, "finished.sh")
        with open(script, "w", encoding="utf-8") as file:
            file.write(f"#!/bin/sh\n: >'{self.done}'\n")
        os.chmod(script, 0o755)
        self.start([program("transmission-cli"), "-g", config, "-w", folder, "-f", script, "-M", "-et",
                    "-p", str(self.port), torrent if isinstance(torrent, str) else torrent.path])

    def seed(self, torrent, folder):
        raise Cannot("transmission-cli is used to download")

    def finished(self):
        return os.path.exists(self.done)

    def received(self):
        return None

    sent = received


class Aria2(Peer):
    kind = "aria2"
    magnets = True
    stop_signal = signal.SIGINT  # on SIGTERM it does not tell its tracker
    hybrid_limit = "aria2 1.36 computes another info-hash for hybrids"
    stop_seconds = 4

    def dht(self, torrent):
        """Off, but for UDP trackers: to aria2 they are a part of it. It knows no node to speak to."""
        own = "dht" in self.finds
        if not own and (isinstance(torrent, str) or not torrent.announces_by_udp()):
            return ["--enable-dht=false"]
        entry = ["--dht-entry-point={}:{}".format(*self.dht_node)] if own else []
        return [*entry, "--enable-dht=true", f"--dht-listen-port={self.row.port()}",
                f"--dht-file-path={os.path.join(self.folder, 'dht.dat')}"]

    def launch(self, torrent, folder, *extra, wait=True):
        self.check(torrent)
        os.makedirs(folder, exist_ok=True)
        self.rpc = self.row.port()
        self.rpc_used = wait
        self.start([
            program("aria2c"), "--no-conf=true", *self.dht(torrent), "--enable-dht6=false",
            f"--enable-peer-exchange={str('pex' in self.finds).lower()}", "--bt-enable-lpd=false",
            "--disable-ipv6=true",
            f"--interface={self.address}", f"--listen-port={self.port}", f"--dir={folder}",
            "--file-allocation=none", "--summary-interval=0", "--console-log-level=warn",
            "--enable-rpc=true", f"--rpc-listen-port={self.rpc}", "--follow-torrent=mem",
            "--bt-save-metadata=false", "--allow-overwrite=true", "--auto-save-interval=1",
            *extra, torrent if isinstance(torrent, str) else torrent.path])
        if wait:
            until(lambda: accepts("127.0.0.1", self.rpc), 20, f"RPC of {self.name}", self.process)

    def call(self, method, *arguments):
        body = json.dumps({"jsonrpc": "2.0", "id": "1", "method": "aria2." + method,
                           "params": list(arguments)}).encode()
        return json.loads(post(f"http://127.0.0.1:{self.rpc}/jsonrpc", body))["result"]

    def status(self):
        for method in (("tellActive",), ("tellStopped", 0, 10)):
            found = [download for download in self.call(*method) if "bittorrent" in download]
            if found:
                return found[0]
        return {}

    def finished(self):
        status = self.status()
        if status.get("status") == "error":
            raise RuntimeError(f"{self.name}: {status.get('errorMessage')}")
        # While it checks files it counts them, too.
        return (status.get("status") in ("active", "complete") and "verifiedLength" not in status
                and status.get("completedLength") == status.get("totalLength") != "0"
                and (status.get("seeder") == "true" or status["status"] == "complete"))

    def seed(self, torrent, folder):
        self.launch(torrent, folder, "--check-integrity=true", "--seed-ratio=0.0")
        self.wait(60)

    def get(self, torrent, folder, peers=()):
        # Goes on as a seed, as the others do.
        self.launch(torrent, folder, "--seed-ratio=0.0")

    def received(self):
        return int(self.status().get("completedLength", 0))

    def sent(self):
        return int(self.status().get("uploadLength", 0))


class _Scgi(xmlrpc.client.Transport):
    """XML-RPC over SCGI over a Unix socket: how rtorrent is spoken to."""

    def __init__(self, path):
        super().__init__()
        self.path = path

    def single_request(self, host, handler, request_body, verbose=False):
        headers = f"CONTENT_LENGTH\0{len(request_body)}\0SCGI\0001\0".encode()
        with socket.socket(socket.AF_UNIX) as connection:
            connection.settimeout(10)
            connection.connect(self.path)
            connection.sendall(b"%d:%s," % (len(headers), headers) + request_body)
            reply = b""
            while chunk := connection.recv(65536):
                reply += chunk
        parser, unmarshaller = self.getparser()
        parser.feed(reply.partition(b"\r\n\r\n")[2])
        parser.close()
        return unmarshaller.close()


class Rtorrent(Peer):
    kind = "rtorrent"
    stop_seconds = 6

    def check(self, torrent):
        if len(torrent.pads()) > len(set(torrent.pads())):
            raise Cannot("rtorrent 0.9.8 never opens a torrent with two pad files of one name")

    def launch(self, torrent, folder, settings=()):
        os.makedirs(folder, exist_ok=True)
        # The length of a Unix socket's name is limited.
        sockets = tempfile.mkdtemp(prefix="barter-rt-", dir="/tmp")
        self.row.at_end(lambda: shutil.rmtree(sockets, ignore_errors=True))
        self.scgi = os.path.join(sockets, "scgi")
        session = os.path.join(self.folder, "session")
        os.makedirs(session, exist_ok=True)
        config = os.path.join(self.folder, "rtorrent.rc")
        with open(config, "w", encoding="utf-8") as file:
            file.write("\n".join([
                "system.daemon.set = true",
                f"network.bind_address.set = {self.address}",
                f"network.local_address.set = {self.address}",
                f"network.port_range.set = {self.port}-{self.port}",
                "network.port_random.set = no", "network.port_open.set = yes",
                "dht.mode.set = off", "protocol.pex.set = no", "trackers.use_udp.set = yes",
                *([] if self.as_installed else ["protocol.encryption.set = none"]), "network.max_open_files.set = 300",
                "pieces.hash.on_completion.set = no", f"session.path.set = {session}",
                f"directory.default.set = {folder}", "network.xmlrpc.size_limit.set = 16777216",
                *settings, f"network.scgi.open_local = {self.scgi}", ""]))
        self.start([program("rtorrent"), "-n", "-o", f"import={config}"])
        self.server = xmlrpc.client.ServerProxy("http://rtorrent", transport=_Scgi(self.scgi))
        until(self.answers, 20, f"control socket of {self.name}", self.process)
        with open(torrent.path, "rb") as file:
            data = xmlrpc.client.Binary(file.read())
        self.hash = torrent.hash20().upper()
        self.server.load.raw_start("", data)
        until(self.loaded, 20, f"torrent in {self.name}", self.process)

    def answers(self):
        try:
            return self.server.system.pid() > 0
        except OSError:
            return False

    def loaded(self):
        return self.hash in self.server.download_list("")

    def finished(self):
        message = self.server.d.message(self.hash)
        if "creation failed" in message or "Hash check" in message:
            raise RuntimeError(f"{self.name}: {message}")
        return (self.server.d.complete(self.hash) == 1 and self.server.d.hashing(self.hash) == 0
                and self.server.d.is_active(self.hash) == 1)

    def seed(self, torrent, folder):
        self.launch(torrent, folder)
        self.wait(60)

    def get(self, torrent, folder, peers=()):
        self.launch(torrent, folder)

    def received(self):
        return self.server.d.down.total(self.hash)

    def sent(self):
        return self.server.d.up.total(self.hash)



class Tracker(Peer):
    scheme = "http"

    def host(self):
        address = f"[{self.address}]" if ":" in self.address else self.address
        return f"{address}:{self.port}"

    def url(self):
        return f"{self.scheme}://{self.host()}/announce"

    def check_traffic(self):
        """Raises if it was not used as the row says."""

    def scrape(self, torrent):
        """(seeds, downloaders) that it knows."""
        key = bytes.fromhex(torrent.hash20())
        quoted = urllib.parse.quote(key)
        reply, _ = decode(fetch(f"http://{self.host()}/scrape?info_hash={quoted}"))
        counts = reply[b"files"].get(key, {})
        return counts.get(b"complete", 0), counts.get(b"incomplete", 0)


class Opentracker(Tracker):
    kind = "opentracker"

    def serve(self, *torrents):
        """Debian's is a whitelist build: it serves the hashes that it is told."""
        # As root it changes to `nobody` and makes this folder its root.
        os.chmod(self.folder, 0o755)
        with open(os.path.join(self.folder, "whitelist"), "w", encoding="utf-8") as file:
            file.writelines(torrent.hash20() + "\n" for torrent in torrents)
        self.start([program("opentracker"), "-i", self.address, "-p", self.port, "-P", self.port,
                    "-d", self.folder, "-w", "whitelist"])
        until(self.listens, 10, f"listening {self.name}", self.process)


class OpentrackerUdp(Opentracker):
    scheme = "udp"


@functools.lru_cache
def quiet_flags(barter):
    """What keeps get and seed from looking for peers whom nobody named, as far as this build can."""
    known = subprocess.run([barter, "get", "--help"], capture_output=True, text=True, check=False).stdout
    return [flag for flag in ("--no-dht", "--no-lsd") if flag in known]


class Barter(Peer):
    """barter seed, get, share; events by --json."""

    kind = "barter"
    knows_pads = True

    def __init__(self, row, label=None):
        super().__init__(row, label)
        self.address = row.addresses.here()  # it listens on all addresses
        self.lines = JsonLines()

    def command(self, *arguments):
        self.lines = JsonLines()
        quiet = []
        if arguments[0] in ("get", "seed"):
            quiet = [flag for flag in quiet_flags(self.row.barter) if flag.removeprefix("--no-") not in self.finds]
            if "dht" in self.finds:
                quiet += ["--dht-node", "{}:{}".format(*self.dht_node)]
        self.start([self.row.barter, *arguments, *quiet, "--json"])

    def event(self, name):
        return self.lines.last(self.process, name)

    def events(self, name):
        return [event for event in self.lines.read(self.process) if event.get("event") == name]

    def seed(self, torrent, folder, *extra):
        self.command("seed", torrent.path, "--dir", folder, "--port", self.port, *extra)
        until(lambda: self.event("listening") and self.listens(), 60, f"listening {self.name}",
              self.process)

    def get(self, torrent, folder, peers=(), *extra, seed=True):
        os.makedirs(folder, exist_ok=True)
        given = [argument for host, port in peers for argument in ("--peer", f"{host}:{port}")]
        self.command("get", torrent if isinstance(torrent, str) else torrent.path, "--dir", folder,
                     "--port", self.port, *given, *(["--seed"] if seed else []), *extra)

    def finished(self):
        return self.event("complete")

    def progress(self):
        return self.event("progress") or {}

    def received(self):
        return 1 if self.event("first_piece") else self.progress().get("downloaded", 0)


class BarterTracker(Tracker):
    kind = "barter-tracker"

    def serve(self, *_torrents):
        self.start([self.row.barter, "tracker", "--listen", self.host()])
        until(self.listens, 10, f"listening {self.name}", self.process)

    def stats(self):
        return json.loads(fetch(f"http://{self.host()}/stats"))


class BarterTrackerUdp(BarterTracker):
    scheme = "udp"

    def check_traffic(self):
        stats = self.stats()
        assert 0 < stats["udp_announces"] == stats["announces"], f"not all by UDP: {stats}"
        assert stats["udp_errors"] == 0, f"refused: {stats}"


class BarterTracker6(BarterTracker):
    def __init__(self, row, label=None):
        super().__init__(row, label)
        if not has_ipv6():
            raise Skip("no IPv6 addresses of our own here")
        self.address = "fd77::1"


class BarterTracker6Udp(BarterTrackerUdp, BarterTracker6):
    pass


STOCK = {contestant.kind: contestant
         for contestant in (Libtorrent, Transmission, Aria2, Rtorrent)}


def magnet_in(text):
    found = re.search(r"magnet:\?\S+", text)
    return found.group(0) if found else None
