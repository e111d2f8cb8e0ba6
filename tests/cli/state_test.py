"""What the program remembers: whose it is, and what is done where something else lies in its place. Loopback."""

import os
import random
import signal
import stat
import subprocess
import time
import unittest

from harness import BARTER, BarterTest, free_port

SIZE = 1_000_000


def mode(path):
    return stat.S_IMODE(os.lstat(path).st_mode)


class State(BarterTest):
    def setUp(self):
        super().setUp()
        self.write("x.bin", random.Random(1).randbytes(SIZE))
        self.good("create", "x.bin", "--piece-length", "64KiB", "--output", "x.torrent")
        self.port = free_port()
        self.start("seed", "x.torrent", "--dir", ".", "--port", str(self.port), "--json", "--state-dir",
                   self.path("seeds")).wait_for("listening")
        self.link = self.good("magnet", "x.torrent").out.strip()

    def get(self, what="x.torrent", code=0, dht=False):
        """With the DHT it asks nobody: the only node that it is told of is one that is not there."""
        arguments = ["get", what, "--dir", "got", "--peer", f"127.0.0.1:{self.port}", "--listen", "127.0.0.1"]
        if dht:
            arguments += ["--dht-node", "127.0.0.1:9"]
        done = self.barter(*arguments)
        self.assertEqual(done.code, code, done.out + done.err)
        return done

    def everything(self):
        """All that lies in the state folder, itself included."""
        top = self.path("state/barter")
        return [top] + [os.path.join(above, name) for above, folders, files in os.walk(top) for name in folders + files]

    def assert_private(self):
        kinds = {os.path.basename(path) for path in self.everything()}
        self.assertLessEqual({"journal", "lock", "metainfo"}, kinds)
        for path in self.everything():
            self.assertEqual(oct(mode(path)), oct(0o700 if os.path.isdir(path) else 0o600), path)

    def fill(self):
        """A memory of every kind."""
        self.get(self.link, dht=True)
        share = self.start("share", "x.bin", "--port", str(free_port()), "--json")
        share.wait_for("listening", where=lambda event: event["magnet"])
        share.end()

    def test_nobody_else_can_read_it(self):
        before = os.umask(0)
        self.addCleanup(os.umask, before)
        self.fill()
        self.assert_private()

    def test_what_an_earlier_version_left_open_is_closed(self):
        self.fill()
        for path in self.everything():
            os.chmod(path, 0o755 if os.path.isdir(path) else 0o644)
        self.fill()
        self.assert_private()

    def test_a_folder_that_the_user_names_keeps_its_permissions(self):
        os.mkdir(self.path("mine"), 0o755)
        self.good("get", "x.torrent", "--dir", "got", "--peer", f"127.0.0.1:{self.port}", "--listen", "127.0.0.1",
                  "--state-dir", "mine")
        self.assertEqual(mode(self.path("mine")), 0o755)
        for name in os.listdir(self.path("mine")):
            path = self.path("mine", name)
            self.assertEqual(mode(path), 0o700 if os.path.isdir(path) else 0o600)

    def test_what_is_no_file_is_never_waited_for(self):
        self.fill()
        for path in self.everything():
            if os.path.isdir(path):
                continue
            with self.subTest(path=path):
                kept = path + ".kept"
                os.rename(path, kept)
                os.mkfifo(path)
                done = self.barter("get", self.link, "--dir", "got", "--peer", f"127.0.0.1:{self.port}", "--listen", "127.0.0.1",
                                   "--dht-node", "127.0.0.1:9", seconds=30)
                if done.code != 0:
                    self.assertIn(path, done.err)  # the whole path
                os.rename(kept, path)

    def test_links_are_never_followed(self):
        self.fill()
        victim = self.write("victim", "precious")
        for path in self.everything():
            if os.path.isdir(path):
                continue
            with self.subTest(path=path):
                kept = path + ".kept"
                os.rename(path, kept)
                os.symlink(victim, path)
                done = self.barter("get", self.link, "--dir", "got", "--peer", f"127.0.0.1:{self.port}", "--listen", "127.0.0.1",
                                   "--dht-node", "127.0.0.1:9", seconds=30)
                if done.code != 0:
                    self.assertIn(path, done.err)
                self.assertEqual(self.read("victim"), b"precious")
                os.rename(kept, path)


    def test_a_journal_that_was_lost_before_the_first_piece(self):
        """Our own file, which is all hole, is not somebody else's."""
        self.write("big.bin", random.Random(2).randbytes(4 << 20))
        self.good("create", "big.bin", "--piece-length", "4MiB", "--output", "big.torrent")
        port = free_port()
        self.start("seed", "big.torrent", "--dir", ".", "--port", str(port), "--json", "--state-dir", self.path("seeds"),
                   "--listen", "127.0.0.1", "--up-limit", "1MiB").wait_for("listening")
        command = ["get", "big.torrent", "--dir", "got", "--peer", f"127.0.0.1:{port}", "--listen", "127.0.0.1", "--json"]
        running = self.start(*command, "--port", str(free_port()))
        running.wait_for("progress", where=lambda event: event["downloaded"] > 0)
        running.kill()
        self.assertTrue([name for name in os.listdir(self.path("got")) if name.startswith("big.bin")])
        lost = [path for path in self.everything() if os.path.basename(path) == "journal"]
        self.assertEqual(len(lost), 1)
        os.remove(lost[0])
        self.good(*command, "--port", str(free_port()))
        self.assertEqual(self.read("big.bin"), self.read("got/big.bin"))


    def test_list_and_forget(self):
        self.fill()
        done = self.good("state", "list", "--json")
        entries = {entry["kind"]: entry for entry in done.result["entries"]}
        self.assertEqual(len(done.result["entries"]), 3)  # the share seeds it, too
        self.assertEqual(entries["share"]["path"], os.path.realpath(self.path("x.bin")))
        paths = [entry["path"] for entry in done.result["entries"]]
        got = os.path.realpath(self.path("got/x.bin"))
        self.assertIn(got, paths)
        for entry in done.result["entries"]:
            self.assertEqual((entry["name"], entry["size"], entry["data"]), ("x.bin", SIZE, "there"))
            self.assertGreater(entry["state_bytes"], 0)
        text = self.good("state", "list").out
        self.assertIn(got, text)
        self.assertIn("977 KiB", text)
        # What is there is not missing.
        self.assertEqual(self.good("state", "forget", "--missing", "--json").result["entries"], [])
        os.remove(got)
        self.assertIn("gone", self.good("state", "list", "--missing").out)
        (forgotten,) = self.good("state", "forget", "--missing", "--json").result["entries"]
        self.assertEqual((forgotten["path"], forgotten["data"]), (got, "gone"))
        self.assertEqual(len(self.good("state", "list", "--json").result["entries"]), 2)
        self.good("state", "forget", entries["share"]["info_hash"][:8])
        self.assertEqual(self.good("state", "list", "--json").result["entries"], [])
        self.assertTrue(os.path.exists(self.path("x.bin")))
        self.bad(1, "nothing is remembered", "state", "forget", "x.bin")
        self.bad(2, "name a path", "state", "forget")
        self.bad(2, "frob", "state", "frob")

    def test_what_a_barter_is_at_work_on_is_not_forgotten(self):
        port = free_port()
        running = self.start("get", "x.torrent", "--dir", "got", "--port", str(port), "--listen", "127.0.0.1", "--json")
        running.wait_for("progress")
        self.bad(1, "at work", "state", "forget", "x.bin")
        running.end()
        self.good("state", "forget", os.path.realpath(self.path("got/x.bin")))

    def test_without_a_home(self):
        environment = {"PATH": os.environ["PATH"], "XDG_RUNTIME_DIR": self.path("run")}
        os.mkdir(self.path("run"), 0o700)
        self.environment = {**environment, "HOME": self.path("nothing/here")}
        self.write("nothing", "no folder")
        for done in (self.get(), self.get()):
            self.assertIn(self.path("run/barter"), done.err)
            self.assertIn("HOME", done.err)
        self.assertEqual(mode(self.path("run/barter")), 0o700)
        self.environment = {**environment, "STATE_DIRECTORY": self.path("systemd")}
        self.assertNotIn("warning", self.get().err)
        self.assertTrue(os.listdir(self.path("systemd")))
        done = self.start("seed", "x.torrent", "--dir", ".", "--listen", "127.0.0.1", "--port", str(free_port()), "--json")
        done.wait_for("listening")
        self.assertEqual(done.end(signal.SIGTERM).code, 0)


class Interrupted(BarterTest):
    """Ctrl-C ends a command that waits for something that does not come."""

    def end(self, *arguments, stdin=subprocess.DEVNULL, number=signal.SIGINT):
        process = subprocess.Popen([BARTER, *arguments], cwd=self.folder, env=self.environment, stdin=stdin,
                                   stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        time.sleep(0.5)
        process.send_signal(number)
        try:
            out, err = process.communicate(timeout=15)
        except subprocess.TimeoutExpired:
            process.kill()
            process.communicate()
            self.fail(f"{arguments}: not ended by the signal")
        return process.returncode, out.decode(), err.decode()

    def test_a_torrent_that_does_not_come(self):
        os.mkfifo(self.path("p.torrent"))
        for command in ("show", "verify", "magnet", "get", "seed"):
            extra = ["--no-dht", "--no-lsd", "--listen", "127.0.0.1"] if command in ("get", "seed") else []
            self.assertEqual(self.end(command, "p.torrent", *extra), (130, "", "barter: interrupted\n"), command)
        code, out, _ = self.end("edit", "p.torrent", "--no-comment", "--json", number=signal.SIGTERM)
        self.assertEqual(code, 143)
        lines = out.splitlines()
        self.assertIn('"event":"error"', lines[0])
        self.assertIn('"event":"result"', lines[1])
        self.assertIn('"exit_code":143', lines[1])

    def test_a_torrent_that_does_not_end(self):
        reading, writing = os.pipe()
        os.write(writing, b"d4:info")
        self.addCleanup(os.close, writing)
        self.addCleanup(os.close, reading)
        self.assertEqual(self.end("show", "/dev/stdin", stdin=reading)[0], 130)
        self.assertEqual(self.end("create", "-", "--name", "n", stdin=reading)[0], 130)

    def test_a_pipe_in_a_folder_of_torrents_is_left_out(self):
        self.write("x.bin", b"x" * 50_000)
        self.write("all/readme", "")
        self.good("create", "x.bin", "--output", "all/x.torrent")
        os.mkfifo(self.path("all/p.torrent"))
        seed = self.start("seed", "all", "--dir", ".", "--port", str(free_port()), "--listen", "127.0.0.1", "--json")
        self.assertIn("p.torrent", seed.wait_for("warning")["message"])
        self.assertEqual(seed.wait_for("listening")["torrents"], 1)
        self.assertEqual(seed.end().code, 0)


if __name__ == "__main__":
    unittest.main()
