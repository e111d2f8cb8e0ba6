"""State that earlier versions left, and what is done with that of newer ones. No network but loopback."""

import os
import random
import struct
import sys
import unittest

from harness import SOURCE, BarterTest, free_port

sys.path.insert(0, os.path.join(SOURCE, "tests", "state"))
import stamps  # noqa: E402

OLD = os.path.join(SOURCE, "tests", "state", "0.1.0")
FILES = (("a.bin", 300_000), ("b.bin", 50_000), ("c.bin", 650_000))
HASH = "a4f5568d2f879260ac1bc9288988bfce9702c494"
TRIO = tuple((name, random.Random(number).randbytes(20_000)) for number, name in enumerate(("a.bin", "b.bin", "c.bin")))
TRIO_HASH = "f87fd19267b042ccab399974aef2e2ea0bdee87e"
QUIET = ("--listen", "127.0.0.1", "--no-dht", "--no-lsd")


def old(name):
    with open(os.path.join(OLD, name), "rb") as file:
        return file.read()


class OldState(BarterTest):
    """The files hold other bytes than the torrent has: whoever hashed one of them would see that."""

    def setUp(self):
        super().setUp()
        self.torrent = self.write("album.torrent", old("album.torrent"))
        self.paths = [self.write("data/album/" + name, random.Random(i).randbytes(size)) for i, (name, size) in enumerate(FILES)]
        self.journal = os.path.join(stamps.folder_of(self.path("state/barter"), HASH, self.path("data")), "journal")

    def put_journal(self, name, change=lambda journal: journal):
        return self.write(self.journal, change(stamps.for_files(old(name), self.paths)))

    def assert_not_hashed(self, done):
        self.assertEqual([event for event in done.of("hashing") if event["bytes_total"] > 0], [])

    def test_a_finished_download_is_believed(self):
        self.put_journal("journal.whole")
        done = self.good("get", self.torrent, "--dir", "data", "--json", *QUIET)
        self.assert_not_hashed(done)
        self.assertTrue(done.result["complete"])
        self.assertEqual(done.result["downloaded"], 0)
        # And so is what this version made of it.
        self.assert_not_hashed(self.good("get", self.torrent, "--dir", "data", "--json", *QUIET))

    def test_a_download_goes_on_where_it_was(self):
        self.put_journal("journal.half")
        for _ in range(2):
            done = self.barter("get", self.torrent, "--dir", "data", "--json", "--stall-timeout", "500ms", *QUIET)
            self.assertEqual(done.code, 3, done.out)
            self.assert_not_hashed(done)
            self.assertEqual(done.result["bytes_done"], 507_904)

    def test_a_seed_believes_it(self):
        self.put_journal("journal.whole")
        seed = self.start("seed", self.torrent, "--dir", "data", "--json", "--port", str(free_port()), *QUIET)
        seed.wait_for("complete")
        self.assert_not_hashed(seed.end())

    def test_a_file_that_was_touched_is_hashed(self):
        self.put_journal("journal.whole")
        os.utime(self.paths[1])
        done = self.barter("get", self.torrent, "--dir", "data", "--json", "--stall-timeout", "500ms", *QUIET)
        self.assertNotEqual(done.code, 0)

    def put_selection(self):
        """Of trio, b.bin was fetched: its pieces hold bytes of a.bin and c.bin, which lie in the side file."""
        self.write("trio.torrent", old("trio.torrent"))
        path = self.write("data/trio/b.bin", TRIO[1][1])
        folder = stamps.folder_of(self.path("state/barter"), TRIO_HASH, self.path("data"))
        self.write(os.path.join(folder, "journal"), stamps.for_files(old("trio.journal"), [None, path]))
        for name in ("origins", "side"):
            self.write(os.path.join(folder, name), old("trio." + name))

    def test_a_selection_is_believed_with_what_lies_beside_it(self):
        self.put_selection()
        done = self.good("get", "trio.torrent", "--dir", "data", "--select", "b.bin", "--json", *QUIET)
        self.assert_not_hashed(done)
        self.assertEqual((done.result["complete"], done.result["downloaded"]), (True, 0))
        # Two of the four pieces are there. Wanted whole, it lacks the others only.
        for name, content in TRIO:
            self.write("from/trio/" + name, content)
        port = free_port()
        self.start("seed", "trio.torrent", "--dir", "from", "--port", str(port), "--json", "--state-dir", self.path("seeds"),
                   *QUIET).wait_for("listening")
        done = self.good("get", "trio.torrent", "--dir", "data", "--peer", f"127.0.0.1:{port}", "--json", *QUIET)
        self.assert_not_hashed(done)
        self.assertEqual(done.result["downloaded"], 60_000 - 2 * 16_384)
        for name, content in TRIO:
            self.assertEqual(self.read("data/trio/" + name), content, name)

    def test_what_a_magnet_link_stands_for_is_remembered(self):
        self.put_selection()
        self.write(f"state/barter/metainfo/{TRIO_HASH}.torrent", old("trio.metainfo"))
        done = self.good("get", f"magnet:?xt=urn:btih:{TRIO_HASH}", "--dir", "data", "--select", "b.bin", "--json",
                         "--stall-timeout", "2s", *QUIET)
        self.assert_not_hashed(done)
        self.assertEqual((done.result["name"], done.result["complete"], done.result["downloaded"]), ("trio", True, 0))

    def test_the_table_of_the_dht_is_gone_on_with(self):
        self.write("state/barter/dht", old("dht"))
        done = self.barter("dht", "status", "--dht-node", f"127.0.0.1:{free_port()}", "--listen", "127.0.0.1", "--timeout",
                           "1s", "--json")
        self.assertEqual(done.result["ipv4"]["id"], old("dht")[13:33].hex())

    def test_a_share_is_not_hashed_again(self):
        source = os.path.realpath(self.path("data/album"))
        text, name = stamps.share_memory(old("share.json"), source)
        self.write(f"state/barter/share/{name}.json", text)
        self.write(f"state/barter/share/{name}.torrent", old("share.torrent"))
        share = self.start("share", source, "--json", "--port", str(free_port()))
        listening = share.wait_for("listening", where=lambda event: event["magnet"])
        self.assertIn("0ae3d80c5e5b5759898aa5690f346efcf4fe4aaa", listening["magnet"])
        self.assert_not_hashed(share.end())
        # Of a newer version it is neither used nor replaced.
        newer = '{"version": 2, "files": []}'
        self.write(f"state/barter/share/{name}.json", newer)
        share = self.start("share", source, "--json", "--port", str(free_port()))
        share.wait_for("listening")
        done = share.end()
        self.assertTrue([event for event in done.of("hashing") if event["bytes_total"] > 0])
        self.assertIn("newer version", done.of("warning")[0]["message"])
        self.assertEqual(self.read(f"state/barter/share/{name}.json").decode(), newer)

    def test_a_journal_of_a_newer_version_is_left_alone(self):
        def higher_number(journal):
            first, *rest = stamps.records(journal)
            at = 1 + 4 + len("barter journal")
            self.assertEqual(first[at], 1)
            return b"".join(map(stamps.frame, [first[:at] + b"\2" + first[at + 1:], *rest]))

        def unknown_record(journal):
            return journal + stamps.frame(struct.pack("<BI", 200, 7))

        for change in (higher_number, unknown_record):
            journal = self.put_journal("journal.whole", change)
            before = self.read(journal)
            self.bad(1, [journal, "newer version", "--state-dir"], "get", self.torrent, "--dir", "data", *QUIET)
            self.assertEqual(self.read(journal), before)
            # A seed needs no memory: it hashes.
            done = self.start("seed", self.torrent, "--dir", "data", "--json", "--port", str(free_port()), *QUIET)
            done.wait_for("listening")
            done.end()
            self.assertEqual(self.read(journal), before)
        self.assertEqual(os.listdir(os.path.dirname(self.journal)).count("journal.new"), 0)


if __name__ == "__main__":
    unittest.main()
