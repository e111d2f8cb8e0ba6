"""The contestants of the transfer table: those of tests/interop, each as fast as it can be made.

    seed = Barter(place, "seed"); seed.ready(torrent, folder)  # serves what lies in `folder`
    get = Barter(place, "get")
    get.fetch(torrent, folder, seeds, stay)  # downloads into `folder`; `stay`: and goes on as a seed
    get.finished()  # has everything
"""

import os

import contestants
from process import until

# libtorrent as fast as a sweep of its settings made it: long request queues make it slower.
TUNED = {"max_out_request_queue": 250, "aio_threads": 4, "hashing_threads": 2,
         "max_queued_disk_bytes": 64 << 20, "unchoke_slots_limit": -1}


class Traced:
    """Counts system calls where the place has a folder for that (see syscalls.py)."""

    announces = True

    def start(self, arguments, env=None):
        return super().start(self.row.traced(self.name, arguments), env)


class Barter(Traced, contestants.Barter):
    def ready(self, torrent, folder):
        self.seed(torrent, folder)

    def fetch(self, torrent, folder, _seeds, stay):
        self.get(torrent, folder, seed=stay)


class Libtorrent(Traced, contestants.Libtorrent):
    def ready(self, torrent, folder):
        self.seed(torrent, folder, trust=True, settings=TUNED)

    def fetch(self, torrent, folder, _seeds, _stay):
        self.get(torrent, folder, settings=TUNED)


class Aria2(Traced, contestants.Aria2):
    def ready(self, torrent, folder):
        self.seed(torrent, folder)

    def fetch(self, torrent, folder, _seeds, stay):
        if stay:
            self.get(torrent, folder)
        else:  # it ends when it has everything; no RPC to disturb it
            self.launch(torrent, folder, "--seed-time=0", "--enable-rpc=false", wait=False)

    def finished(self):
        if self.rpc_used:
            return super().finished()
        return self.process.poll() == 0


class Rtorrent(Traced, contestants.Rtorrent):
    def ready(self, torrent, folder):
        self.seed(torrent, folder)

    def fetch(self, torrent, folder, _seeds, _stay):
        self.mark = os.path.join(self.folder, "finished")
        self.launch(torrent, folder, [
            f'method.set_key = event.download.finished, bench, "execute.nothrow=touch,{self.mark}"'])

    def finished(self):
        return os.path.exists(self.mark) if hasattr(self, "mark") else super().finished()


class Transmission(Traced, contestants.Transmission):
    def ready(self, torrent, folder):
        self.seed(torrent, folder)

    def fetch(self, torrent, folder, _seeds, _stay):
        self.get(torrent, folder)


class Roofline(Traced, contestants.Peer):
    """No client: the least work that moves and checks the bytes (bench/roofline). One to one only."""

    kind = "roofline"
    announces = False

    def ready(self, torrent, folder):
        self.start([self.row.roofline, "send", os.path.join(folder, torrent.name), self.address, self.port])
        until(lambda: "listening" in self.process.output(), 10, f"listening {self.name}", self.process)

    def fetch(self, torrent, folder, seeds, _stay):
        hashes = os.path.join(self.folder, "hashes")
        with open(hashes, "wb") as file:
            file.write(torrent.info[b"pieces"])
        address, port = seeds[0].endpoint()
        self.start([self.row.roofline, "receive", os.path.join(folder, torrent.name), address, port,
                    torrent.total(), torrent.piece_length, hashes])

    def finished(self):
        return self.process.poll() == 0


CONTESTANTS = {"barter": Barter, "libtorrent": Libtorrent, "aria2": Aria2, "rtorrent": Rtorrent,
               "transmission": Transmission, "roofline": Roofline}
# It fetches 512 blocks of 16 KiB a second, whatever the machine: a smaller transfer says as much.
SMALL = {"transmission": 64 << 20}
