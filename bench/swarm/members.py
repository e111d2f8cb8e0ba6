"""Who makes up a crowd: the contestants of tests/interop with the settings that they come with, each on a
host of its own; and their riders, who take and do not give.

    member = KINDS["aria2"](Host(...), "peer1")
    member.ready(torrent, folder)        # serves
    member.join(torrent, folder, rider)  # downloads, then goes on as a seed

Called inside the host's network namespace (Star.inside), as everything that speaks to a member.
"""

import itertools

import contestants
from place import Place


class Host(Place):
    """One host of the star: its address, and ports that nobody else uses."""

    def __init__(self, folder, barter, address):
        super().__init__(folder, barter, self)
        self._address = address
        self._ports = itertools.count(20000)

    def address(self):
        return self._address

    here = address

    def port(self):
        return next(self._ports)


class Barter(contestants.Barter):
    def ready(self, torrent, folder):
        self.seed(torrent, folder)

    def join(self, torrent, folder, rider):
        extra = ["--up-limit", "0"] if rider else []
        if getattr(self.row, "trace", None):
            extra += ["--trace", self.row.trace]
        self.get(torrent, folder, (), *extra)


class Libtorrent(contestants.Libtorrent):
    def ready(self, torrent, folder):
        self.seed(torrent, folder)

    def join(self, torrent, folder, rider):
        if rider:
            raise ValueError("libtorrent has no rider: its limits spare or starve it")
        self.get(torrent, folder)


class Aria2(contestants.Aria2):
    def ready(self, torrent, folder):
        self.seed(torrent, folder)

    def join(self, torrent, folder, rider):
        self.launch(torrent, folder, "--seed-ratio=0.0", *(["--max-upload-limit=1K"] if rider else []))


class Transmission(contestants.Transmission):
    riding = False

    def settings(self):
        limit = {"speed-limit-up-enabled": True, "speed-limit-up": 1} if self.riding else {}
        return super().settings() | limit

    def ready(self, torrent, folder):
        self.seed(torrent, folder)

    def join(self, torrent, folder, rider):
        self.riding = rider
        self.get(torrent, folder)


KINDS = {"barter": Barter, "libtorrent": Libtorrent, "transmission": Transmission, "aria2": Aria2}
RIDERS = ("barter", "aria2", "transmission")
