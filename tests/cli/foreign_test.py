"""What get does about files of the torrent's names that are the user's own."""

import functools
import http.server
import os
import random
import threading
import unittest

from harness import BarterTest, free_port


class Quiet(http.server.SimpleHTTPRequestHandler):
    def log_message(self, *_):
        pass


class Foreign(BarterTest):
    """The folder got/show has a right e1.mkv, and e2.mkv and e3.mkv of the user's own."""

    def setUp(self):
        super().setUp()
        for seed, (name, size) in enumerate((("e1.mkv", 300_000), ("e2.mkv", 900_000), ("e3.mkv", 400_000))):
            self.write(f"show/{name}", random.Random(seed).randbytes(size))
        self.write("show/readme.txt", "read me\n")
        self.good("create", "show", "--piece-length", "64KiB", "--no-date")
        self.mine = {"e1.mkv": self.read("show/e1.mkv"), "e2.mkv": random.Random(7).randbytes(900_000),
                     "e3.mkv": random.Random(8).randbytes(350_000)}
        for name, content in self.mine.items():
            self.write(f"got/show/{name}", content)
        self.port = free_port()
        self.start("seed", "show.torrent", "--dir", ".", "--port", str(self.port), "--json", "--listen", "127.0.0.1",
                   "--state-dir", self.path("seed-state")).wait_for("listening")

    def get(self, *arguments, source="show.torrent"):
        return self.barter("get", source, "--dir", "got", "--peer", f"127.0.0.1:{self.port}", "--listen", "127.0.0.1",
                           "--stall-timeout", "20s", *arguments)

    def assert_untouched(self):
        for name, content in self.mine.items():
            self.assertEqual(self.read(f"got/show/{name}"), content, name)

    def assert_refused(self, done):
        self.assertEqual(done.code, 1, done.out + done.err)
        for word in ("show/e2.mkv", "show/e3.mkv", "--force", "--keep", "--update"):
            self.assertIn(word, done.err)
        self.assertNotIn("show/e1.mkv", done.err)
        self.assert_untouched()
        self.assertEqual(sorted(os.listdir(self.path("got/show"))), sorted(self.mine))

    def assert_whole(self):
        for name in ("e1.mkv", "e2.mkv", "e3.mkv", "readme.txt"):
            self.assertEqual(self.read(f"show/{name}"), self.read(f"got/show/{name}"), name)

    def test_refused_by_file_url_and_magnet(self):
        self.assert_refused(self.get())
        server = http.server.ThreadingHTTPServer(
            ("127.0.0.1", 0), functools.partial(Quiet, directory=self.folder))
        self.addCleanup(server.server_close)
        self.addCleanup(server.shutdown)
        threading.Thread(target=server.serve_forever, daemon=True).start()
        self.assert_refused(self.get(source=f"http://127.0.0.1:{server.server_port}/show.torrent"))
        link = self.good("magnet", "show.torrent").out.strip()
        self.assert_refused(self.get(source=link))
        self.assert_refused(self.get(source=link))  # what it stands for is remembered by now

    def test_all_are_told_to_a_program(self):
        done = self.get("--json")
        self.assertEqual(done.code, 1)
        files = done.of("in_the_way")[0]["files"]
        self.assertEqual([(file["path"], file["size"], file["reason"]) for file in files],
                         [("show/e2.mkv", 900_000, "foreign"), ("show/e3.mkv", 350_000, "foreign")])
        self.assertEqual(done.of("error")[0]["code"], "already_exists")

    def test_a_long_list_is_cut_for_a_person_only(self):
        for i in range(30):
            self.write(f"many/{i:02}", random.Random(i).randbytes(40_000))
            self.write(f"got/many/{i:02}", random.Random(100 + i).randbytes(40_000))
        self.good("create", "many", "--piece-length", "16KiB", "--no-date")
        done = self.get(source="many.torrent")
        self.assertEqual(done.code, 1)
        self.assertIn("and 10 more\n", done.err)
        self.assertIn("many/19", done.err)
        self.assertNotIn("many/20", done.err)
        self.assertEqual(len(self.get("--json", source="many.torrent").of("in_the_way")[0]["files"]), 30)

    def test_update_and_force(self):
        self.assertEqual(self.get("--update").code, 0)
        self.assert_whole()
        for name, content in self.mine.items():
            self.write(f"got/show/{name}", content)
        os.remove(self.path("got/show/e2.mkv"))
        self.write("got/show/e2.mkv", self.mine["e2.mkv"])
        self.assertEqual(self.get().code, 1)
        self.assertEqual(self.get("--force").code, 0)
        self.assert_whole()

    def test_update_is_for_data_of_this_torrent(self):
        self.write("got/show/e1.mkv", random.Random(9).randbytes(300_000))
        done = self.get("--update")
        self.assertEqual(done.code, 1)
        self.assertIn("older version", done.err)
        self.assertEqual(self.read("got/show/e2.mkv"), self.mine["e2.mkv"])

    def test_keep_is_remembered(self):
        done = self.get("--keep")
        self.assertEqual(done.code, 0, done.err)
        self.assertIn("show/e2.mkv", done.err)
        self.assert_untouched()
        self.assertEqual(self.read("got/show/readme.txt"), b"read me\n")
        again = self.get("--json")
        self.assertEqual(again.code, 0, again.out)
        self.assertEqual(again.of("kept")[0]["paths"], ["show/e2.mkv", "show/e3.mkv"])
        self.assertEqual(again.of("complete")[0]["bytes"], 300_000 + 8)
        self.assertEqual(again.result["downloaded"], 0)
        self.assert_untouched()
        os.remove(self.path("got/show/e2.mkv"))
        self.assertEqual(self.get().code, 0)
        self.assertEqual(self.read("got/show/e2.mkv"), self.read("show/e2.mkv"))
        self.assertEqual(self.read("got/show/e3.mkv"), self.mine["e3.mkv"])

    def test_select_leaves_the_neighbours(self):
        self.assertEqual(self.get("--select", "e1.mkv").code, 0)
        self.assert_untouched()
        self.assert_refused(self.get())

    def test_what_is_put_in_the_place_of_ours_while_get_runs(self):
        for name in self.mine:
            os.remove(self.path(f"got/show/{name}"))
        running = self.start("get", "show.torrent", "--dir", "got", "--peer", f"127.0.0.1:{self.port}", "--listen",
                             "127.0.0.1", "--json", "--down-limit", "300KB", "--no-part")
        running.wait_for("progress", where=lambda event: event["bytes_done"] > 300_000)
        self.write("mine", "what I made of it\n")
        os.rename(self.path("mine"), self.path("got/show/e1.mkv"))
        done = running.wait(60)
        self.assertEqual(done.code, 1, done.out)
        self.assertEqual(self.read("got/show/e1.mkv"), b"what I made of it\n")
        for name in ("e2.mkv", "e3.mkv", "readme.txt"):
            self.assertEqual(self.read(f"show/{name}"), self.read(f"got/show/{name}"), name)
        left = done.of("left_out")[0]["files"]
        self.assertEqual([file["path"] for file in left], ["show/e1.mkv"])
        self.assertIn("--force", left[0]["reason"])
        again = self.get()
        self.assertEqual(again.code, 1)
        self.assertIn("put in the place", again.err)
        self.assertEqual(self.get("--force").code, 0)
        self.assert_whole()

    def test_the_choices_exclude_each_other(self):
        for flags in (("--keep", "--force"), ("--keep", "--update"), ("--update", "--force")):
            self.assertEqual(self.get(*flags).code, 2, flags)
        self.assert_untouched()

    def test_a_new_version_of_what_barter_fetched(self):
        """The next torrent of the same names updates in place, without a flag."""
        for name in self.mine:
            os.remove(self.path(f"got/show/{name}"))
        self.assertEqual(self.get().code, 0)
        self.assert_whole()
        self.write("show/e2.mkv", random.Random(12).randbytes(700_000))
        self.write("show/readme.txt", "read me again, it has changed\n")
        self.good("create", "show", "--piece-length", "64KiB", "--no-date", "--output", "new.torrent")
        port = free_port()
        self.start("seed", "new.torrent", "--dir", ".", "--port", str(port), "--json", "--listen", "127.0.0.1",
                   "--state-dir", self.path("new-state")).wait_for("listening")
        done = self.barter("get", "new.torrent", "--dir", "got", "--peer", f"127.0.0.1:{port}", "--listen", "127.0.0.1",
                           "--json")
        self.assertEqual(done.code, 0, done.out)
        self.assertLess(done.result["downloaded"], 1_000_000)  # e1 and the rest are right already
        self.assert_whole()


class Shared(BarterTest):
    """Two programs whose torrents have one file in common by name; part names would keep them apart."""

    def setUp(self):
        super().setUp()
        for torrent in ("one", "other"):
            self.write(f"{torrent}/show/{torrent}.bin", random.Random(torrent).randbytes(100_000))
            self.write(f"{torrent}/show/same.bin", random.Random(torrent + "s").randbytes(2_000_000))
            self.good("create", f"{torrent}/show", "--output", f"{torrent}.torrent", "--no-date")

    def test_the_second_is_told_who_writes(self):
        port = free_port()
        self.start("seed", "one.torrent", "--dir", "one", "--port", str(port), "--json", "--listen", "127.0.0.1",
                   "--state-dir", self.path("seed-state"), "--up-limit", "200KiB").wait_for("listening")
        first = self.start("get", "one.torrent", "--dir", "got", "--peer", f"127.0.0.1:{port}", "--listen", "127.0.0.1",
                           "--json", "--no-part")
        first.wait_for("progress", where=lambda event: event["bytes_done"] > 300_000)
        for state in ("state/barter", "elsewhere"):
            done = self.barter("get", "other.torrent", "--dir", "got", "--listen", "127.0.0.1", "--force",
                               "--no-part", "--state-dir", self.path(state), "--stall-timeout", "2s")
            self.assertEqual(done.code, 1, done.err)
            self.assertIn("is writing show/same.bin", done.err)
            # Where layers of file systems hide whose lock it is, it is another program's.
            self.assertRegex(done.err, rf"is locked by (barter, process {first.process.pid}|another program)\b")
        self.assertFalse(os.path.exists(self.path("got/show/other.bin")))
        self.assertEqual(first.wait().code, 0)
        self.assertEqual(self.read("got/show/same.bin"), self.read("one/show/same.bin"))


if __name__ == "__main__":
    unittest.main()
