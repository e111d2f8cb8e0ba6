"""The tracker is killed while eight peers are in the middle of it; afterwards one more comes with a magnet link."""

import os
import random
import shutil
import statistics

import contestants
import measure
from crowd import MIB, Barter, compare, link_to, write_torrent
from place import Place
from process import Timeout, until

KILL_AT = 0.4  # of the bytes


class Killed:
    def __init__(self, options, folder, addresses, dht):
        self.options, self.addresses, self.dht = options, addresses, dht
        self.folder = os.path.join(folder, "killed")

    def run(self):
        """Figures of each run, and what went wrong."""
        results, failures = [], []
        for number in range(self.options.runs):
            place = Place(os.path.join(self.folder, str(number)), self.options.barter, self.addresses)
            try:
                results.append(self.once(place))
            except (AssertionError, Timeout) as failure:
                failures.append(f"tracker killed, run {number + 1}: {failure}")
            finally:
                place.close()
                if not self.options.keep:
                    shutil.rmtree(place.folder, ignore_errors=True)
        return results, failures

    def member(self, place, label):
        return Barter(place, label, self.dht.entry)

    def once(self, place):
        data = os.path.join(place.folder, "data")
        os.makedirs(data)
        plain = write_torrent(data, "payload", self.options.mib * MIB, 256 << 10, random.Random())
        tracker = contestants.BarterTracker(place, "tracker")
        tracker.address = place.address()
        tracker.serve()
        torrent = plain.with_trackers(os.path.join(place.folder, "payload.torrent"), tracker.url())
        seed = self.member(place, "seed")
        limit = ["--up-limit", f"{self.options.seed_up}MiB"]
        seed.seed(torrent, data, *limit)
        gets = [self.member(place, f"get-{number}") for number in range(self.options.peers)]
        began = measure.now()
        for get in gets:
            get.get(torrent, os.path.join(get.folder, "got"), (), *limit)
        at_kill = self.kill(tracker, gets)
        killed = measure.now()
        for get in gets:
            until(get.finished, self.options.timeout, f"completion of {get.name}", get.process)
        done = measure.now()
        joiner = self.member(place, "joiner")
        joiner.fetch(link_to(torrent, tracker.url()), os.path.join(joiner.folder, "got"))
        joiner.wait(self.options.timeout)
        joined = joiner.steps()
        until(lambda: joiner.process.poll() is not None, 20, "end of the joiner")
        assert "tracker" not in joiner.known_from(), "the dead tracker named peers"
        for peer in [*gets, joiner]:
            peer.stop()
            wrong = compare(torrent, os.path.join(data, "payload"), os.path.join(peer.folder, "got"), peer.name)
            assert wrong is None, wrong
        return {"at_kill": at_kill, "last": done - began, "after_kill": done - killed, **joined}

    def kill(self, tracker, gets):
        """In mid-download: the mean peer has so much, and none has all."""
        def share():
            return statistics.mean(get.progress().get("bytes_done", 0) for get in gets) / (self.options.mib * MIB)

        until(lambda: share() >= KILL_AT or any(get.finished() for get in gets), self.options.timeout,
              f"{KILL_AT:.0%} of it", gets[0].process)
        tracker.kill()
        assert not any(get.finished() for get in gets), "somebody had it all before the tracker was killed"
        return share()
