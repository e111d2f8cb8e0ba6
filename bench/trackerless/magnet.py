"""A swarm of eight without a tracker: seven have it all, the eighth has a magnet link and one node of the DHT."""

import os
import random
import shutil

from crowd import MIB, STEPS, Barter, Libtorrent, compare, link_to, write_torrent
from place import Place
from process import Timeout, until

GETTERS = {"barter": Barter, "libtorrent": Libtorrent}


class Magnet:
    def __init__(self, options, folder, addresses, dht):
        self.options, self.addresses, self.dht = options, addresses, dht
        self.folder = os.path.join(folder, "magnet")
        self.data = os.path.join(self.folder, "data")
        os.makedirs(self.data)
        self.place = Place(os.path.join(self.folder, "seeds"), options.barter, addresses)

    def run(self):
        """Figures of each run by name of the program, and what went wrong."""
        chance = random.Random()
        # A torrent a run: nobody finds the peers of an earlier one, who have gone.
        plan = [(f"{name}-{number}", name)
                for number in range(self.options.runs)
                for name in (list(GETTERS) if number % 2 == 0 else reversed(GETTERS))
                if name in self.options.programs]
        torrents = {label: write_torrent(self.data, label, self.options.mib * MIB, 256 << 10, chance)
                    for label, _ in plan}
        results, failures = {}, []
        try:
            self.begin_seeds(list(torrents.values()))
            for label, name in plan:
                figures, failure = self.fetch(name, label, torrents[label])
                if failure:
                    failures.append(failure)
                else:
                    results.setdefault(name, []).append(figures)
        finally:
            self.place.close()
        return results, failures

    def begin_seeds(self, torrents):
        seeds = [Barter(self.place, f"seed-{number}", self.dht.entry) for number in range(self.options.peers - 1)]
        for seed in seeds:
            seed.begin_seeding([torrent.path for torrent in torrents], self.data)
        for seed in seeds:
            until(seed.ready, 60, f"listening {seed.name}", seed.process)
        self.dht.wait_for(torrents, len(seeds))

    def fetch(self, name, label, torrent):
        place = Place(os.path.join(self.folder, label), self.options.barter, self.addresses)
        get = GETTERS[name](place, "get", self.dht.entry)
        got = os.path.join(place.folder, "got")
        try:
            get.fetch(link_to(torrent), got)
            get.wait(self.options.timeout)
            steps = get.steps()
            get.stop()
            missing = [step for step in STEPS if step not in steps]
            failure = compare(torrent, os.path.join(self.data, label), got, label)
            if missing:
                failure = f"{label}: never told of {', '.join(missing)}"
            return steps, failure
        except Timeout as late:
            return None, f"{label}: {late}"
        finally:
            place.close()
            if not self.options.keep:
                shutil.rmtree(place.folder, ignore_errors=True)
