"""create, show, verify, magnet and edit by their command lines. No network."""

import hashlib
import json
import os
import random
import stat
import subprocess
import unittest

from harness import BARTER, BarterTest

TRACKER = "http://tracker.example:6969/announce"


def noise(size, seed=1):
    return random.Random(seed).randbytes(size)


class FullOutput(BarterTest):
    """Standard output is on a full disk, or closed."""

    def into(self, target, *arguments, stdin=None):
        with open(target, "w") as out:
            return subprocess.run([BARTER, *arguments], cwd=self.folder, stdout=out, stderr=subprocess.PIPE, input=stdin,
                                  timeout=60, env=self.environment, check=False)

    def test_every_command_that_prints_says_so(self):
        self.write("x.bin", noise(200_000))
        self.good("create", "x.bin")
        link = "magnet:?xt=urn:btih:" + "a" * 40
        for arguments in (["--help"], ["--version"], ["get", "--help"], ["show", "x.bin.torrent"], ["show", "--json", "x.bin.torrent"],
                          ["magnet", "x.bin.torrent"], ["magnet", link], ["verify", "--json", "x.bin.torrent"], ["create", "x.bin", "--output", "-"],
                          ["create", "x.bin", "--force"], ["create", "x.bin", "--dry-run"], ["create", "x.bin", "--force", "--json"],
                          ["create", "-", "--name", "n", "--output", "-"], ["edit", "x.bin.torrent", "--source", "A"],
                          ["completion", "bash"], ["completion", "fish", "--json"],
                          ["simulate", "--peers", "2", "--size", "1MB", "--seed-up", "1MB", "--up", "1MB"]):
            done = self.into("/dev/full", *arguments, stdin=b"hello" if "-" in arguments else None)
            self.assertEqual(done.returncode, 1, f"{arguments}: {done.stderr}")
            lines = [line for line in done.stderr.decode().splitlines() if line.startswith("barter: cannot write")]
            self.assertEqual(lines, ["barter: cannot write to standard output: No space left on device"], arguments)

    def test_a_limit_on_the_size_of_files_is_named(self):
        for i in range(60):
            self.write(f"folder/{'n' * 40}{i}", b"x")
        done = subprocess.run(["bash", "-c", f"ulimit -f 1; exec {BARTER} create folder"], cwd=self.folder, capture_output=True,
                              timeout=60, env=self.environment, check=False)
        self.assertEqual(done.returncode, 1)
        self.assertIn("folder.torrent", done.stderr.decode())
        self.assertIn("file size limit", done.stderr.decode())
        self.assertEqual([name for name in os.listdir(self.folder) if "folder" in name], ["folder"])

    def test_a_reader_that_has_gone_is_no_failure(self):
        done = subprocess.run(["bash", "-c", f"set -o pipefail; {BARTER} --help | head -1; exit ${{PIPESTATUS[0]}}"],
                              capture_output=True, timeout=60, env=self.environment, check=False)
        self.assertEqual((done.returncode, done.stderr), (0, b""))

    def test_closed_standard_streams_are_not_taken_by_files(self):
        self.write("x.bin", noise(200_000))
        done = subprocess.run(["bash", "-c", f"exec {BARTER} create x.bin >&- 2>&- <&-"], cwd=self.folder, timeout=60,
                              env=self.environment, check=False)
        self.assertEqual(done.returncode, 1)  # nobody was told
        self.good("show", "x.bin.torrent")


class Usage(BarterTest):
    def test_help_of_every_command_has_examples(self):
        listed = self.good("--help").out
        for command in ("create", "show", "verify", "magnet", "edit", "tracker", "get", "seed", "simulate", "dht"):
            self.assertIn(f"\n  {command} ", listed)
            text = self.good(command, "--help").out
            self.assertIn("Examples:", text)
            self.assertIn(f"barter {command}", text)

    def test_usage_errors(self):
        self.bad(2, "frobnicate", "frobnicate")
        self.bad(2, "SRC", "create")
        self.bad(2, "--threads", "create", "x", "--threads", "many")
        self.bad(2, "--nonsense", "show", "x", "--nonsense")
        self.bad(2, "exclude", "create", "x", "--v1", "--hybrid")
        self.bad(2, "'5XB'", "get", "x", "--up-limit", "5XB")
        self.bad(2, "--seed=soon", "get", "x", "--seed=soon")
        self.bad(2, "port", "get", "x", "--peer", "1.2.3.4")
        self.bad(2, "see 'barter get --help'", "get")
        # One value each: what follows is the path.
        self.bad(1, "gone", "share", "--exclude", "*.tmp", "gone")

    def test_passkeys_are_not_shown(self):
        secret = "0123456789abcdef0123456789abcdef"
        done = self.bad(1, "cannot", "get", f"http://127.0.0.1:1/{secret}/x.torrent?passkey={secret}")
        self.assertNotIn(secret, done.err)


class Create(BarterTest):
    def setUp(self):
        super().setUp()
        self.write("album/b.bin", noise(100_000))
        self.write("album/a/x.txt", "hello")
        self.write("album/.hidden", "secret")

    def show(self, name):
        return self.good("show", "--json", name).result

    def test_the_promised_form(self):
        done = self.good("create", "album", "--hybrid", "--threads", "2", "--piece-length", "1048576",
                         "--announce", TRACKER, "--output", "t.torrent", "--force")
        self.assertEqual(done.out, "t.torrent\n")
        shown = self.show("t.torrent")
        self.assertEqual(shown["piece_length"], 1048576)
        self.assertEqual(shown["trackers"], [[TRACKER]])
        self.assertEqual(len(shown["v1_info_hash"]), 40)
        self.assertEqual(len(shown["v2_info_hash"]), 64)
        for file in shown["files"]:
            self.assertLessEqual({"path", "size", "attr"}, set(file))

    def test_a_single_file_byte_for_byte(self):
        data = noise(40_000, 2)
        self.write("x.bin", data)
        self.good("create", "x.bin", "--no-date", "--no-created-by")
        pieces = b"".join(hashlib.sha1(data[at:at + 16384]).digest() for at in range(0, 40_000, 16384))
        info = b"d6:lengthi40000e4:name5:x.bin12:piece lengthi16384e6:pieces60:" + pieces + b"e"
        self.assertEqual(self.read("x.bin.torrent"), b"d4:info" + info + b"e")
        self.assertEqual(self.show("x.bin.torrent")["v1_info_hash"], hashlib.sha1(info).hexdigest())

    def test_hidden_files_and_globs_are_counted(self):
        done = self.good("create", "album", "--no-hidden", "--exclude", "*.txt", "--json")
        self.assertEqual(done.result["left_out"], {"excluded": 1, "hidden": 1, "empty_folders": 0})
        self.assertEqual([f["path"] for f in self.show("album.torrent")["files"]], ["album/b.bin"])
        os.remove(self.path("album.torrent"))
        done = self.good("create", "album", "--no-hidden", "--exclude", "*.txt")
        self.assertIn("left out: 1 excluded, 1 hidden", done.err)

    def test_an_existing_torrent_is_not_overwritten(self):
        self.write("album.torrent", "precious")
        self.bad(1, ["album.torrent", "--force"], "create", "album")
        self.assertEqual(self.read("album.torrent"), b"precious")
        self.good("create", "album", "--force")
        self.assertNotEqual(self.read("album.torrent"), b"precious")
        self.assertEqual(sorted(os.listdir(self.folder)), ["album", "album.torrent"])

    def test_the_torrent_itself_is_not_in_it(self):
        self.good("create", ".", "--name", "here", "--output", "here.torrent", "--no-date")
        first = self.read("here.torrent")
        self.good("create", ".", "--name", "here", "--output", "here.torrent", "--no-date", "--force")
        self.assertEqual(self.read("here.torrent"), first)

    def test_the_date_can_be_given_or_left_out(self):
        self.good("create", "album", SOURCE_DATE_EPOCH="1234567890")
        first = self.read("album.torrent")
        self.assertEqual(self.show("album.torrent")["creation_date"], 1234567890)
        self.good("create", "album", "--force", SOURCE_DATE_EPOCH="1234567890")
        self.assertEqual(self.read("album.torrent"), first)
        self.good("create", "album", "--force", "--no-date")
        self.assertIsNone(self.show("album.torrent")["creation_date"])
        self.assertRegex(self.show("album.torrent")["created_by"], r"^barter/\d+\.\d+\.\d+$")
        self.bad(2, "SOURCE_DATE_EPOCH", "create", "album", "--force", SOURCE_DATE_EPOCH="today")

    def test_tiers_web_seeds_and_marks(self):
        self.good("create", "album", "--announce", f"{TRACKER},udp://b:1/announce", "--announce",
                  "https://c/announce", "--web-seed", "http://w/1/", "--web-seed", "http://w/2/", "--private",
                  "--source", "ME", "--comment", "grüße")
        shown = self.show("album.torrent")
        self.assertEqual(shown["trackers"],
                         [[TRACKER, "udp://b:1/announce"], ["https://c/announce"]])
        self.assertEqual(shown["web_seeds"], ["http://w/1/", "http://w/2/"])
        self.assertEqual((shown["private"], shown["source"], shown["comment"]), (True, "ME", "grüße"))
        self.bad(2, "--announce", "create", "album", "--announce", "not a url")
        self.bad(2, "--web-seed", "create", "album", "--web-seed", "udp://x:1")

    def test_standard_input(self):
        data = noise(300_000, 3)
        self.good("create", "-", "--name", "in.bin", "--piece-length", "64KiB", "--no-date", stdin=data)
        self.write("in.bin", data)
        self.good("create", "in.bin", "--piece-length", "64KiB", "--no-date", "--output", "file.torrent")
        self.assertEqual(self.read("in.bin.torrent"), self.read("file.torrent"))
        self.bad(2, "--name", "create", "-", stdin=data)
        self.bad(1, "empty", "create", "-", "--name", "none", stdin=b"")

    def test_standard_output(self):
        self.good("create", "album", "--no-date")
        done = self.good("create", "album", "--no-date", "--output", "-")
        self.assertEqual(done.out.encode("utf-8", "surrogateescape"), self.read("album.torrent"))

    def test_several_sources_make_a_torrent_each(self):
        self.write("x.bin", noise(10))
        os.mkdir(self.path("out"))
        done = self.good("create", "album", "x.bin", "--output", "out", "--json")
        self.assertEqual([e["output"] for e in done.of("complete")],
                         ["out/album.torrent", "out/x.bin.torrent"])
        self.assertEqual(sorted(os.listdir(self.path("out"))), ["album.torrent", "x.bin.torrent"])
        self.bad(2, "--name", "create", "album", "x.bin", "--name", "n")

    def test_a_dry_run_writes_nothing(self):
        done = self.good("create", "album", "--dry-run", "--json")
        self.assertEqual([f["path"] for f in done.result["files"]],
                         ["album/.hidden", "album/a/x.txt", "album/b.bin"])
        self.assertEqual(os.listdir(self.folder), ["album"])

    def test_what_cannot_be_in_a_torrent_is_named(self):
        os.mkfifo(self.path("album/pipe"))
        self.bad(1, ["album/pipe", "FIFO"], "create", "album")
        os.remove(self.path("album/pipe"))
        os.symlink("/etc/hostname", self.path("album/out"))
        self.bad(1, ["album/out", "link"], "create", "album")
        self.good("create", "album", "--exclude", "out")
        self.bad(1, "No such file", "create", "nothing")
        if os.geteuid() != 0:
            os.remove(self.path("album/out"))
            os.chmod(self.path("album/b.bin"), 0)
            self.bad(1, ["album/b.bin", "denied"], "create", "album", "--force")

    def test_names_cannot_drive_the_terminal(self):
        self.write("evil\x1b]0;x\x07/f", "x")
        done = self.barter("create", "evil\x1b]0;x\x07", "--output", "t.torrent")
        self.assertEqual(done.code, 1)
        self.assertNotIn("\x1b", done.err + done.out)

    def test_attributes(self):
        os.chmod(self.path("album/b.bin"), 0o755)
        self.good("create", "album", "--attributes")
        self.assertEqual({f["path"]: f["attr"] for f in self.show("album.torrent")["files"]},
                         {"album/.hidden": "h", "album/a/x.txt": "", "album/b.bin": "x"})

    def test_permissions_follow_the_umask(self):
        old = os.umask(0o027)
        try:
            self.good("create", "album")
        finally:
            os.umask(old)
        self.assertEqual(stat.S_IMODE(os.stat(self.path("album.torrent")).st_mode), 0o640)

    def test_interrupted(self):
        # 128 GiB to hash, 64 MiB to store. A hole would take no time.
        os.mkdir(self.path("huge"))
        with open(self.path("huge/0"), "wb") as file:
            file.write(bytes(64 << 20))
        for number in range(1, 2000):
            os.link(self.path("huge/0"), self.path(f"huge/{number}"))
        running = self.start("create", "huge", "--json")
        running.wait_for("hashing")
        done = running.end()
        self.assertEqual(done.code, 130)
        self.assertEqual(sorted(os.listdir(self.folder)), ["album", "huge"])


class Inspect(BarterTest):
    def setUp(self):
        super().setUp()
        self.write("album/a.bin", noise(200_000))
        self.write("album/b.bin", noise(50_000, 2))
        self.write("album/empty", "")
        self.good("create", "album", "--hybrid", "--announce", TRACKER, "--piece-length", "32KiB")

    def test_show_takes_files_and_links(self):
        shown = self.good("show", "--json", "album.torrent").result
        link = self.good("magnet", "album.torrent").out.strip()
        of_link = self.good("show", "--json", link).result
        for key in ("name", "v1_info_hash", "v2_info_hash", "trackers"):
            self.assertEqual(shown[key], of_link[key])
        for words in ("album/a.bin", shown["v1_info_hash"], TRACKER):
            self.assertIn(words, self.good("show", "album.torrent").out)
        self.bad(1, "nothing.torrent", "show", "nothing.torrent")
        self.write("junk.torrent", "d4:infoi5ee")
        self.bad(1, "junk.torrent", "show", "junk.torrent")
        self.bad(1, "magnet", "show", "magnet:?xt=nothing")

    def test_show_json_is_one_line_with_the_promised_keys(self):
        done = self.good("show", "--json", "album.torrent")
        self.assertEqual(done.out.count("\n"), 1)
        self.assertLessEqual({"name", "v1_info_hash", "v2_info_hash", "total_size", "piece_length", "private",
                              "source", "trackers", "web_seeds", "files"}, set(json.loads(done.out)))

    def test_magnet_with_a_peer(self):
        link = self.good("magnet", "album.torrent", "--peer", "10.0.0.7:6881").out
        self.assertIn("x.pe=10.0.0.7", link)
        self.bad(2, "--peer", "magnet", "album.torrent", "--peer", "nonsense")

    def test_a_link_of_a_private_torrent_names_all_of_its_trackers(self):
        trackers = [f"http://127.0.0.{n}/announce" for n in range(1, 8)]
        self.good("create", "album", "--private", "--output", "p.torrent",
                  *(word for url in trackers for word in ("--announce", url)))
        done = self.good("magnet", "p.torrent", "--json")
        self.assertEqual([url for tier in done.result["trackers"] for url in tier], trackers)
        # Without one it is looked for where anybody can see it.
        self.good("create", "album", "--output", "bare.torrent")
        self.good("edit", "bare.torrent", "--private", "--output", "bare-private.torrent")
        self.assertIn("no tracker", self.good("magnet", "bare-private.torrent").err)

    def test_sizes_are_without_pads(self):
        for version, pads in (("--v1", 0), ("--v2", 0), ("--hybrid", 1)):
            self.write("two/a", "a")
            self.write("two/b", noise(100_000))
            self.good("create", "two", version, "--output", "two.torrent", "--force", "--piece-length", "16KiB")
            shown = self.good("show", "--json", "two.torrent").result
            self.assertEqual(shown["total_size"], 100_001, version)
            sizes = {"two/a": 1, "two/b": 100_000}
            self.assertEqual({f["path"]: f["size"] for f in shown["files"] if "p" not in f["attr"]}, sizes)
            self.assertEqual(len(shown["files"]) - len(sizes), pads, version)

    def test_verify(self):
        done = self.good("verify", "album.torrent", "--dir", ".", "--json")
        self.assertTrue(done.result["whole"])
        for version in ("--v1", "--v2"):
            self.good("create", "album", version, "--output", "v.torrent", "--force")
            self.good("verify", "v.torrent")

    def test_create_says_who_cannot_read_it(self):
        for version, words in (("--v2", "cannot be traded"), ("--hybrid", "aria2 1.36 and Transmission 3.00")):
            self.assertIn(words, self.good("create", "album", version, "--output", "v.torrent", "--force").err)
        done = self.good("create", "album", "--output", "v.torrent", "--force")
        self.assertNotIn("Transmission", done.err)

    def verify_problems(self):
        done = self.barter("verify", "album.torrent", "--json")
        self.assertEqual(done.code, 1)
        self.assertFalse(done.result["whole"])
        return {f["path"]: f["problem"] for f in done.result["files"]}

    def test_verify_names_what_is_wrong(self):
        for victim, spoil, problem in (
                ("a.bin", lambda path: self.flip(path, 100_000), "wrong_bytes"),
                ("a.bin", lambda path: os.truncate(path, 199_999), "wrong_size"),
                ("b.bin", lambda path: os.truncate(path, 50_001), "wrong_size"),
                ("b.bin", os.remove, "missing"),
                ("empty", os.remove, "missing"),
                ("empty", lambda path: os.truncate(path, 1), "wrong_size")):
            path = self.path("album", victim)
            before = self.read(path)
            spoil(path)
            with self.subTest(victim=victim, problem=problem):
                self.assertEqual(self.verify_problems(), {f"album/{victim}": problem})
            self.write(path, before)
            self.good("verify", "album.torrent")

    def flip(self, path, at):
        with open(path, "r+b") as file:
            file.seek(at)
            byte = file.read(1)[0]
            file.seek(at)
            file.write(bytes([byte ^ 1]))

    def test_verify_tells_the_neighbours_of_a_missing_file_apart(self):
        self.good("create", "album", "--v1", "--piece-length", "256KiB", "--force")
        os.remove(self.path("album/a.bin"))
        self.assertEqual(self.verify_problems(),
                         {"album/a.bin": "missing", "album/b.bin": "unverified"})

    def test_edit_keeps_the_info_hash(self):
        before = self.good("show", "--json", "album.torrent").result
        done = self.good("edit", "album.torrent", "--announce", "http://n/a,http://m/a", "--comment", "new",
                         "--web-seed", "http://w/", "--date", "5", "--json")
        self.assertFalse(done.result["info_hash_changed"])
        after = self.good("show", "--json", "album.torrent").result
        self.assertEqual(after["trackers"], [["http://n/a", "http://m/a"]])
        self.assertEqual((after["comment"], after["web_seeds"], after["creation_date"]),
                         ("new", ["http://w/"], 5))
        for key in ("v1_info_hash", "v2_info_hash", "files"):
            self.assertEqual(before[key], after[key])
        self.good("edit", "album.torrent", "--no-announce", "--no-comment", "--no-web-seeds", "--no-date")
        bare = self.good("show", "--json", "album.torrent").result
        self.assertEqual((bare["trackers"], bare["comment"], bare["web_seeds"], bare["creation_date"]),
                         ([], None, [], None))
        self.bad(2, "nothing to change", "edit", "album.torrent")

    def test_edit_follows_links_and_takes_what_show_takes(self):
        before = self.read("album.torrent")
        os.chmod(self.path("album.torrent"), 0o604)
        os.symlink("album.torrent", self.path("link.torrent"))
        self.write("album.torrent", before + b"\n")
        self.good("edit", "link.torrent", "--comment", "hello")
        self.assertTrue(os.path.islink(self.path("link.torrent")))
        self.assertIn(b"5:hello", self.read("album.torrent"))
        self.assertTrue(self.read("album.torrent").endswith(b"e"))
        self.assertEqual(stat.S_IMODE(os.stat(self.path("album.torrent")).st_mode), 0o604)
        self.bad(1, "--force", "create", "album", "--output", "link.torrent")
        self.good("create", "album", "--output", "link.torrent", "--force")
        self.assertTrue(os.path.islink(self.path("link.torrent")))
        self.assertNotIn(b"5:hello", self.read("album.torrent"))
        os.symlink("nowhere", self.path("dangling.torrent"))
        self.bad(1, ["dangling.torrent", "not there"], "create", "album", "--output", "dangling.torrent", "--force")
        os.link(self.path("album.torrent"), self.path("other.torrent"))
        self.good("edit", "album.torrent", "--comment", "both")
        self.assertEqual(self.read("other.torrent"), self.read("album.torrent"))

    def test_edit_tells_both_hashes_when_info_changes(self):
        before = self.good("show", "--json", "album.torrent").result
        done = self.good("edit", "album.torrent", "--private", "--source", "X", "--output", "p.torrent")
        after = self.good("show", "--json", "p.torrent").result
        for key in ("v1_info_hash", "v2_info_hash"):
            self.assertNotEqual(before[key], after[key])
            self.assertIn(before[key], done.out)
            self.assertIn(after[key], done.out)
        self.assertEqual(self.good("show", "--json", "album.torrent").result["v1_info_hash"],
                         before["v1_info_hash"])
        self.bad(1, "--force", "edit", "album.torrent", "--private", "--output", "p.torrent")
        self.good("edit", "p.torrent", "--public", "--no-source")
        self.assertEqual(self.good("show", "--json", "p.torrent").result["v1_info_hash"],
                         before["v1_info_hash"])

    def test_edit_leaves_a_torrent_that_it_cannot_read(self):
        self.write("junk.torrent", "junk")
        self.bad(1, "junk.torrent", "edit", "junk.torrent", "--comment", "x")
        self.assertEqual(self.read("junk.torrent"), b"junk")


if __name__ == "__main__":
    unittest.main()
