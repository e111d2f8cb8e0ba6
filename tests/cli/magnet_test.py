"""get by magnet links, over loopback."""

import os
import random
import unittest

from harness import BarterTest, free_port

SIZE = 1_000_000


class MagnetTest(BarterTest):
    def setUp(self):
        super().setUp()
        self.write("album/big.bin", random.Random(1).randbytes(SIZE))
        self.write("album/notes.txt", "notes " * 1000)
        self.port = free_port()

    def create(self, *arguments):
        self.good("create", "album", "--piece-length", "64KiB", "--no-date", *arguments)

    def seed(self, *arguments):
        running = self.start("seed", "album.torrent", "--dir", ".", "--port", str(self.port), "--json",
                             "--state-dir", self.path("seed-state"), *arguments)
        running.wait_for("listening")
        return running

    def link(self, peer=True, more=""):
        peers = ["--peer", f"127.0.0.1:{self.port}"] if peer else []
        return self.good("magnet", "album.torrent", *peers).out.strip() + more

    def get(self, link, *arguments, **options):
        return self.barter("get", link, "--dir", "got", *arguments, **options)

    def assert_whole(self, folder="got"):
        for name in ("big.bin", "notes.txt"):
            self.assertEqual(self.read(f"album/{name}"), self.read(f"{folder}/album/{name}"), name)

    def test_a_link_is_all_it_takes(self):
        self.create()
        self.seed()
        done = self.get(self.link())
        self.assertEqual((done.code, done.out), (0, "got/album\n"), done.err)
        self.assertIn("2 files", done.err)
        self.assert_whole()

    def test_events(self):
        self.create()
        self.seed()
        done = self.get(self.link(), "--json")
        self.assertEqual(done.code, 0, done.out)
        (known,) = done.of("metainfo")
        self.assertEqual({file["path"]: file["size"] for file in known["files"]},
                         {"album/big.bin": SIZE, "album/notes.txt": 6000})
        self.assertTrue(all(file["selected"] for file in known["files"]))
        self.assertTrue(done.result["complete"])
        self.assertEqual(len(done.of("peer")), 1)  # one link for all
        first, piece = done.of("first_peer"), done.of("first_piece")
        self.assertEqual([(event["address"], event["source"]) for event in first],
                         [(f"127.0.0.1:{self.port}", "user")])
        self.assertEqual(len(piece), 1)
        self.assertIn(piece[0]["piece"], range(SIZE // 65536 + 1))
        self.assertLessEqual(first[0]["time"], piece[0]["time"])

    def test_a_hybrid_by_both_hashes_and_by_one(self):
        self.create("--hybrid")
        self.seed()
        both = self.link()
        self.assertIn("btmh", both)
        done = self.get(both, "--save-torrent", "saved/", "--json")
        self.assertEqual(done.code, 0, done.out)
        self.assert_whole()
        self.assertEqual(done.of("warning"), [])
        self.assertEqual(self.good("show", "saved/album.torrent", "--json").result["v2_info_hash"],
                         done.result["v2_info_hash"])
        # With the piece layers, which are no part of the link's metadata.
        created = self.read("album.torrent")
        self.assertTrue(self.read("saved/album.torrent").endswith(created[created.index(b"12:piece layers"):]))
        again = self.get(both, "--save-torrent", "saved/", "--json")
        self.assertEqual((again.code, again.of("warning")), (0, []), again.out)
        part = self.barter("get", both, "--dir", "part", "--select", "*.txt", "--save-torrent", "part.torrent",
                           "--json")
        self.assertEqual(part.code, 0, part.out)
        self.assertIn("piece layers", part.of("warning")[0]["message"])
        self.good("verify", "part.torrent")
        one = "&".join(part for part in both.split("&") if "btmh" not in part)
        done = self.barter("get", one, "--dir", "again", "--state-dir", "other")
        self.assertEqual(done.code, 0, done.err)
        self.assert_whole("again")

    def test_hashes_that_do_not_belong_together(self):
        self.create("--hybrid")
        self.seed()
        link = self.link()
        at = link.index("btmh:1220") + 12
        lie = link[:at] + ("0" if link[at] != "0" else "1") + link[at + 1:]
        self.bad(1, "do not belong together", "get", lie, "--dir", "got")
        self.assertFalse(os.path.exists(self.path("got")))

    def test_a_v2_only_link_is_refused(self):
        self.create("--v2")
        self.bad(1, "v2-only", "get", self.link())
        self.bad(1, "info-hash", "get", "magnet:?dn=x")

    def test_selection_of_the_link_and_of_the_user(self):
        self.create()
        self.seed()
        done = self.get(self.link(more="&so=1"), "--json")
        self.assertEqual(done.code, 0, done.out)
        self.assertEqual([file["selected"] for file in done.of("metainfo")[0]["files"]], [False, True])
        self.assertEqual(os.listdir(self.path("got/album")), ["notes.txt"])
        done = self.get(self.link(more="&so=1"), "--select", "*.bin", "--json")
        self.assertEqual(done.of("complete")[0]["bytes"], SIZE)
        self.bad(1, "so", "get", self.link(more="&so=7"))
        self.bad(1, "--select", "get", self.link(), "--select", "*.flac")

    def test_saved_torrent(self):
        self.create("--announce", "http://127.0.0.1:1/announce", "--announce", "http://127.0.0.1:2/announce")
        self.seed()
        link = self.link()
        done = self.get(link, "--save-torrent", "x.torrent", "--json")
        self.assertEqual(done.code, 0, done.out)
        self.assertEqual(done.result["torrent"], "x.torrent")
        before, saved = (self.good("show", name, "--json").result for name in ("album.torrent", "x.torrent"))
        for field in ("name", "v1_info_hash", "trackers", "files", "pieces"):
            self.assertEqual(before[field], saved[field], field)
        self.assertEqual(self.get(link, "--save-torrent", "x.torrent").code, 0)  # the same again
        self.bad(1, "exists", "get", link, "--dir", "got", "--save-torrent", self.write("y", "something else"))
        self.assertEqual(self.get(link, "--save-torrent", "y", "--force").code, 0)
        self.assertEqual(self.read("x.torrent"), self.read("y"))

    def test_what_was_fetched_is_remembered(self):
        self.create()
        seed = self.seed()
        link = self.link()
        running = self.start("get", link, "--dir", "got", "--down-limit", "200KB", "--json")
        running.wait_for("metainfo")
        running.wait_for("progress", where=lambda event: event["downloaded"] > 100_000)
        running.process.kill()
        running.process.wait()
        seed.end()
        done = self.get(link, "--stall-timeout", "1s", "--json")  # nobody is there, and yet
        self.assertEqual(done.code, 3, done.out)
        self.assertEqual(len(done.of("metainfo")), 1)
        self.assertGreater(done.result["bytes_done"], 0)
        self.seed()
        self.assertEqual(self.get(link).code, 0)
        self.assert_whole()

    def test_interrupted_before_the_metadata(self):
        self.create()
        running = self.start("get", self.link(), "--dir", "got", "--json")
        running.wait_for("metadata")
        done = running.end()
        self.assertEqual(done.code, 130)
        self.assertEqual(done.result["path"], "")
        self.seed()
        self.assertEqual(self.get(self.link()).code, 0)
        self.assert_whole()

    def test_nobody_is_there(self):
        self.create()
        done = self.get(self.link(peer=False), "--stall-timeout", "1s")
        self.assertEqual(done.code, 3)
        self.assertIn("no metadata came", done.err)
        self.assertIn("--peer", done.err)

    def test_by_a_tracker(self):
        tracker = self.start("tracker", "--listen", "127.0.0.1:0", "--json")
        url = tracker.wait_for("listening")["announce"][0]
        self.create("--announce", url)
        self.seed()
        done = self.get(self.link(peer=False), "--port", str(free_port()))
        self.assertEqual(done.code, 0, done.err)
        self.assert_whole()

    def test_commands_that_need_the_torrent_say_so(self):
        self.create()
        self.bad(1, "--save-torrent", "verify", self.link())


if __name__ == "__main__":
    unittest.main()
