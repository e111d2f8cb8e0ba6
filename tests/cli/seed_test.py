"""A seed of many torrents, which are parked while nobody asks for them. Loopback."""

import hashlib
import os
import random
import resource
import socket
import struct
import time
import unittest
import urllib.request

from harness import BarterTest, free_port

SIZE = 16384


class Seed(BarterTest):
    def setUp(self):
        super().setUp()
        self.port = free_port()
        os.makedirs(self.path("torrents"))
        os.makedirs(self.path("data"))

    def make(self, count, announce=""):
        """Torrents of one piece; their info-hashes."""
        out = []
        for number in range(count):
            name, content = f"{number}.bin", random.Random(number).randbytes(SIZE)
            self.write(f"data/{name}", content)
            info = b"d6:lengthi%de4:name%d:%s12:piece lengthi%de6:pieces20:%se" % (
                SIZE, len(name), name.encode(), SIZE, hashlib.sha1(content).digest())
            tracker = b"8:announce%d:%s" % (len(announce), announce.encode()) if announce else b""
            with open(self.path(f"torrents/{name}.torrent"), "wb") as file:
                file.write(b"d" + tracker + b"4:info" + info + b"e")
            out.append(hashlib.sha1(info).digest())
        return out

    def seed(self, *arguments, descriptors=None):
        limit = (lambda: resource.setrlimit(resource.RLIMIT_NOFILE, (descriptors, descriptors))) if descriptors else None
        running = self.start("seed", "torrents", "--dir", "data", "--port", str(self.port), "--listen", "127.0.0.1",
                             "--no-dht", "--no-lsd", "--json", *arguments, **({"preexec_fn": limit} if limit else {}))
        running.wait_for("listening")
        return running

    def block(self, info_hash):
        """The only block of a torrent, as a peer fetches it."""
        with socket.create_connection(("127.0.0.1", self.port), 10) as connection:
            connection.sendall(b"\x13BitTorrent protocol" + bytes(8) + info_hash + b"-XX0001-" + os.urandom(12)
                               + struct.pack(">IB", 1, 2))
            stream = connection.makefile("rb")
            self.assertEqual(stream.read(68)[28:48], info_hash)
            asked = False
            while True:
                message = stream.read(struct.unpack(">I", stream.read(4))[0])
                if message[:1] == b"\x01" and not asked:
                    asked = True
                    connection.sendall(struct.pack(">IBIII", 13, 6, 0, 0, SIZE))
                if message[:1] == b"\x07":
                    return message[9:]

    def test_with_few_descriptors_each_is_served_in_its_turn(self):
        hashes = self.make(150)
        running = self.seed(descriptors=96)
        for number, info_hash in enumerate(hashes):
            self.assertEqual(self.block(info_hash), self.read(f"data/{number}.bin"))
        done = running.end()
        self.assertEqual(done.code, 0, done.err)
        self.assertEqual(done.of("error"), [])
        self.assertEqual(done.result["uploaded"], 150 * SIZE)
        self.assertEqual(len(done.of("complete")), 150)  # each is told once

    def test_the_state_has_one_file_for_all_and_can_forget_each(self):
        self.make(3)
        self.seed().end()
        self.assertEqual(sorted(os.listdir(self.path("state/barter"))), ["seeds", "seeds.lock"])
        self.assertFalse(any(event["bytes_total"] for event in self.seed().end().of("hashing")))
        entries = self.good("state", "list", "--json").result["entries"]
        self.assertEqual([(entry["kind"], entry["data"], entry["size"]) for entry in entries],
                         [("seed", "there", SIZE)] * 3)
        os.remove(self.path("data/1.bin"))
        forgotten = self.good("state", "forget", "--missing", "--json").result["entries"]
        self.assertEqual([entry["name"] for entry in forgotten], ["1.bin"])
        self.good("state", "forget", os.path.realpath(self.path("data/2.bin")))
        entries = self.good("state", "list", "--json").result["entries"]
        self.assertEqual([entry["name"] for entry in entries], ["0.bin"])

    def test_a_person_is_told_of_many_what_is_not_well(self):
        self.make(21)
        os.remove(self.path("data/7.bin"))
        running = self.start("seed", "torrents", "--dir", "data", "--port", str(self.port), "--listen", "127.0.0.1",
                             "--no-dht", "--no-lsd")
        deadline = time.monotonic() + 20
        while "seeding 21 torrents" not in running.text(running.log) and time.monotonic() < deadline:
            time.sleep(0.02)
        done = running.end()
        told = done.out + done.err
        self.assertIn("seeding 21 torrents", told)
        self.assertNotIn("5.bin", told)
        self.assertIn("7.bin: not whole", told)

    def test_of_what_is_absent_nothing_is_said_but_that(self):
        self.make(2)
        os.remove(self.path("data/1.bin"))
        done = self.seed().end()
        self.assertEqual(done.of("paused"), [])
        self.assertEqual(sorted(event["message"].split(": ")[1] for event in done.of("warning")),
                         ["missing or too short", "not whole; seeding the part that is right"])

    def test_who_cannot_call_us_is_called_when_a_tracker_tells_of_him(self):
        tracker = free_port()
        self.start("tracker", "--listen", f"127.0.0.1:{tracker}", "--json").wait_for("listening")
        info_hash, = self.make(1, f"http://127.0.0.1:{tracker}/announce")
        with socket.create_server(("127.0.0.1", 0)) as server:
            server.settimeout(20)
            quoted = "".join(f"%{byte:02x}" for byte in info_hash)
            with urllib.request.urlopen(
                    f"http://127.0.0.1:{tracker}/announce?info_hash={quoted}&peer_id=-XX0001-000000000001"
                    f"&port={server.getsockname()[1]}&uploaded=0&downloaded=0&left={SIZE}&compact=1",
                    timeout=10) as reply:
                self.assertNotIn(b"failure", reply.read())
            self.seed()
            caller, _address = server.accept()
            with caller:
                self.assertEqual(caller.makefile("rb").read(68)[28:48], info_hash)

    def test_trackers_hear_that_it_goes(self):
        tracker = free_port()
        self.start("tracker", "--listen", f"127.0.0.1:{tracker}", "--json").wait_for("listening")
        info_hash, = self.make(1, f"http://127.0.0.1:{tracker}/announce")
        quoted = "".join(f"%{byte:02x}" for byte in info_hash)

        def seeds():
            with urllib.request.urlopen(f"http://127.0.0.1:{tracker}/scrape?info_hash={quoted}", timeout=10) as reply:
                return b"8:completei1e" in reply.read()
        running = self.seed()
        deadline = time.monotonic() + 20
        while not seeds() and time.monotonic() < deadline:
            time.sleep(0.05)
        self.assertTrue(seeds())
        running.end()
        self.assertFalse(seeds())


if __name__ == "__main__":
    unittest.main()
