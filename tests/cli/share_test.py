"""share by its command line, over loopback: what changes under it, and what strangers may do to it."""

import os
import random
import re
import socket
import time
import unittest
import urllib.error
import urllib.request

from harness import BarterTest, free_port

SIZE = 1_000_000


class Share(BarterTest):
    def setUp(self):
        super().setUp()
        self.write("a.bin", random.Random(1).randbytes(SIZE))
        self.write("b.bin", random.Random(2).randbytes(SIZE))
        self.port = free_port()
        self.write("token", "test-token\n")

    def share(self, *arguments):
        running = self.start("share", *arguments, "--json", "--listen", "127.0.0.1", "--port", str(self.port),
                             "--state-dir", self.path("share-state"), *([] if "--no-token" in arguments else ["--token-file", "token"]))
        running.wait_for("listening", where=lambda event: event["magnet"])
        return running

    def url(self, name):
        return f"http://127.0.0.1:{self.port}/test-token/{name}"

    def get(self, name, folder="got", *arguments):
        # At a port of its own: at the same one it would be the same peer, started again.
        if "--port" not in arguments:
            arguments += ("--port", str(free_port()))
        return self.barter("get", self.url(f"{name}.torrent"), "--dir", folder, "--stall-timeout", "30s",
                           "--listen", "127.0.0.1", "--state-dir", self.path(f"state-{folder}"), *arguments)

    def assert_got(self, name, folder="got"):
        done = self.get(name, folder)
        self.assertEqual(done.code, 0, done.err)
        self.assertEqual(self.read(name), self.read(f"{folder}/{name}"))

    def status(self, name):
        return self.status_of(self.url(name))

    def status_of(self, url):
        try:
            with urllib.request.urlopen(url, timeout=10) as reply:
                return reply.status
        except urllib.error.HTTPError as error:
            return error.code

    def info_hash(self, name):
        with urllib.request.urlopen(self.url(f"{name}.torrent"), timeout=10) as reply:
            self.write("fetched.torrent", reply.read())
        return bytes.fromhex(self.good("show", "fetched.torrent", "--json").result["v1_info_hash"])

    def announce(self, info_hash, port, event, left=0):
        """What anybody may tell the tracker."""
        quoted = "".join(f"%{byte:02x}" for byte in info_hash)
        with urllib.request.urlopen(f"http://127.0.0.1:{self.port}/" + (
                f"announce?info_hash={quoted}&peer_id=-XX0000-{port:012}&port={port}&uploaded=0&downloaded={SIZE}"
                f"&left={left}&compact=1&event={event}"), timeout=10) as reply:
            self.assertNotIn(b"failure", reply.read())

    def test_programs_stay_executable(self):
        self.write("tools/run", "#!/bin/sh\n")
        self.write("tools/data", "x" * 40_000)
        os.chmod(self.path("tools/run"), 0o755)
        os.symlink("data", self.path("tools/also"))
        self.share("tools")
        done = self.get("tools")
        self.assertEqual(done.code, 0, done.err)
        self.assertTrue(os.access(self.path("got/tools/run"), os.X_OK))
        self.assertFalse(os.stat(self.path("got/tools/data")).st_mode & 0o111)
        self.assertEqual(self.read("got/tools/also"), self.read("tools/data"))
        self.assertFalse(os.path.islink(self.path("got/tools/also")))
        # Files that were there already, from a copy without modes, get it as well.
        for name, before in (("run", 0o640), ("data", 0o600)):
            os.chmod(self.path("got/tools/" + name), before)
        self.assertEqual(self.get("tools").code, 0)
        self.assertEqual(os.stat(self.path("got/tools/run")).st_mode & 0o777, 0o750)
        self.assertEqual(os.stat(self.path("got/tools/data")).st_mode & 0o777, 0o600)

    def test_what_was_touched_is_hashed_again_and_goes_on(self):
        running = self.share("a.bin", "b.bin")
        os.utime(self.path("b.bin"), (1_000_000_000, 1_000_000_000))
        self.assertEqual(running.wait_for("paused")["name"], "b.bin")
        running.wait_for("paused", where=lambda event: not event["paused"])
        self.assert_got("b.bin")
        self.assert_got("a.bin")
        done = running.end()
        self.assertEqual(done.code, 0)
        self.assertEqual(done.result["withdrawn"], 0)
        # It is remembered as it looks now.
        self.assertEqual(self.share("a.bin", "b.bin").end().of("hashing"), [])

    def test_what_has_changed_is_withdrawn_and_the_rest_is_kept(self):
        running = self.share("a.bin", "b.bin")
        self.write("b.bin", random.Random(3).randbytes(SIZE))
        message = running.wait_for("warning")["message"]
        self.assertIn("b.bin", message)
        self.assertIn("no longer shared", message)
        self.assertEqual(self.status("b.bin.torrent"), 410)
        self.assert_got("a.bin")
        done = running.end()
        self.assertEqual(done.code, 1)
        self.assertEqual(done.result["withdrawn"], 1)

    def test_it_ends_when_nothing_is_left(self):
        running = self.share("a.bin")
        os.remove(self.path("a.bin"))
        done = running.wait()
        self.assertEqual(done.code, 1)
        self.assertIn("a.bin", done.of("error")[0]["message"])

    def test_strangers_that_claim_to_be_complete_are_no_copies(self):
        running = self.share("a.bin", "--copies", "2")
        info_hash = self.info_hash("a.bin")
        for port in range(2000, 2050):
            self.announce(info_hash, port, "completed")
        with self.assertRaises(AssertionError):
            running.wait_for("result", 2)
        self.assert_got("a.bin", "one")
        self.assertIsNone(running.process.poll())
        self.assert_got("a.bin", "two")
        done = running.wait()
        self.assertEqual((done.code, done.result["copies"]), (0, 2))

    def test_a_crowd_on_one_machine_is_counted(self):
        running = self.share("a.bin", "--copies", "6")
        gets = [self.start("get", self.url("a.bin.torrent"), "--dir", f"got{i}", "--listen", "127.0.0.1",
                           "--state-dir", self.path(f"state{i}"), "--stall-timeout", "30s",
                           "--port", str(free_port())) for i in range(6)]  # else one could take that of another that ended
        for get in gets:
            self.assertEqual(get.wait().code, 0)
        done = running.wait()
        self.assertEqual((done.code, done.result["copies"]), (0, 6))

    def test_get_calls_the_share_whatever_its_tracker_says(self):
        running = self.share("a.bin")
        with urllib.request.urlopen(self.url("a.bin.torrent"), timeout=10) as reply:
            self.assertEqual(reply.headers["Barter-Peer-Port"], str(self.port))
        info_hash = self.info_hash("a.bin")
        for port in range(2000, 4000):
            self.announce(info_hash, port, "started")
        done = self.get("a.bin", "got", "--json")
        self.assertEqual(done.code, 0)
        self.assertIn(("user", f"127.0.0.1:{self.port}"),
                      [(peer["source"], peer["address"]) for peer in done.of("peer")])
        with urllib.request.urlopen(self.url("stats"), timeout=10) as reply:
            members = int(re.search(rb'"members":(\d+)', reply.read())[1])
        self.assertLess(members, 1100)
        running.end()

    def test_it_calls_whoever_announces(self):
        """At once: a peer that cannot call us, or tries uTP first, would wait for our next announce."""
        self.share("a.bin", "b.bin")
        with socket.create_server(("127.0.0.1", 0)) as server:
            server.settimeout(3)
            self.announce(self.info_hash("a.bin"), server.getsockname()[1], "started", left=SIZE)
            called, _ = server.accept()
            with called:
                called.settimeout(3)
                head = called.recv(68, socket.MSG_WAITALL)
        self.assertEqual(head[:20], b"\x13BitTorrent protocol")
        self.assertEqual(head[28:48], self.info_hash("a.bin"))

    def test_silent_connections_do_not_keep_a_get_out(self):
        running = self.share("a.bin")
        silent = [socket.create_connection(("127.0.0.1", self.port), 5) for _ in range(300)]
        self.assert_got("a.bin")
        for link in silent:
            link.close()
        self.assertEqual(running.end().code, 0)

    def with_everything(self, name, folder):
        """A get of what is there already, which goes on seeding."""
        self.write(f"{folder}/{name}", self.read(name))
        running = self.start("get", self.url(f"{name}.torrent"), "--dir", folder, "--seed", "--listen", "127.0.0.1",
                             "--port", str(free_port()), "--state-dir", self.path(f"state-{folder}"), "--json")
        running.wait_for("complete")
        return running

    def test_who_came_with_everything_counts(self):
        running = self.share("a.bin", "--copies", "2")
        first = self.with_everything("a.bin", "one")
        event = running.wait_for("peer_complete")
        self.assertEqual((event["copies"], event["remembered"], event["name"]), (1, False, "a.bin"))
        self.assertTrue(event["address"].startswith("127.0.0.1"))
        self.assertIsNone(running.process.poll())
        second = self.with_everything("a.bin", "two")
        done = running.wait()
        self.assertEqual((done.code, done.result["copies"]), (0, 2))
        self.assertLessEqual(done.result["p50_seconds"], done.result["last_seconds"])
        first.end(), second.end()

    def test_each_counts_once_over_restarts(self):
        port = str(free_port())
        def get(running):
            done = self.get("a.bin", "one", "--port", port, "--seed=3s")
            self.assertEqual(done.code, 0, done.err)
        running = self.share("a.bin", "--copies", "3")
        get(running)
        get(running)  # its program under another peer id
        done = running.end()
        self.assertEqual(done.result["copies"], 1)
        self.assertEqual(len(done.of("peer_complete")), 1)
        running = self.share("a.bin", "--copies", "3")
        self.assertTrue(running.wait_for("peer_complete")["remembered"])
        get(running)
        self.assert_got("a.bin", "two")
        done = running.end()
        self.assertEqual(done.result["copies"], 2)
        self.assertEqual([event["remembered"] for event in done.of("peer_complete")], [True, False])

    def test_expected_hosts(self):
        self.write("hosts", "127.0.0.1 this one\nlocalhost\n")
        running = self.share("a.bin", "--expect-hosts", "hosts")
        self.assert_got("a.bin", "one")
        done = running.wait()
        self.assertEqual((done.code, done.result["missing"]), (0, []))
        self.write("hosts", "127.0.0.1\n127.0.0.77\nno-such-host.invalid\n")
        running = self.share("b.bin", "--expect-hosts", "hosts", "--for", "6s")
        self.assert_got("b.bin", "two")
        done = running.wait()
        self.assertEqual((done.code, done.result["missing"]), (3, ["127.0.0.77", "no-such-host.invalid"]))
        self.assertGreater(done.result["last_seconds"], 0)
        self.assertTrue([event for event in done.of("warning") if "no-such-host.invalid" in event["message"]])
        self.assertEqual(self.share("b.bin", "--expect-hosts", "hosts").end().code, 3)
        self.write("hosts", "a:b\n")
        self.bad(1, "line 1", "share", "a.bin", "--expect-hosts", "hosts")

    def test_copies_that_do_not_come_in_time(self):
        self.assertEqual(self.share("a.bin", "--copies", "1", "--for", "1s").wait().code, 3)
        self.assertEqual(self.share("a.bin", "--for", "1s").wait().code, 0)

    def test_metrics(self):
        running = self.share("a.bin", "b.bin")
        self.assert_got("a.bin", "one")
        self.assertEqual(self.status_of(f"http://127.0.0.1:{self.port}/metrics"), 404)
        running.wait_for("peer_complete")
        end = time.monotonic() + 10
        text = ""
        while 'barter_share_copies{name="a.bin"} 1\n' not in text and time.monotonic() < end:
            with urllib.request.urlopen(self.url("metrics"), timeout=10) as reply:
                self.assertTrue(reply.headers["Content-Type"].startswith("text/plain; version=0.0.4"))
                text = reply.read().decode()
        self.assertIn('barter_share_copies{name="a.bin"} 1\n', text)
        self.assertIn('barter_share_copies{name="b.bin"} 0\n', text)
        self.assertIn(f'barter_share_uploaded_bytes_total{{name="a.bin"}} {SIZE}', text)
        for line in text.splitlines():
            self.assertRegex(line, r'^(# (HELP|TYPE) barter_share_[a-z0-9_]+ .+|barter_share_[a-z0-9_]+\{name="[^"]+"\} [0-9.e+]+)$')
        running.end()

    def test_it_listens_before_it_hashes(self):
        self.write("big.bin", bytes(50_000_000))
        running = self.share("big.bin")
        done = running.end()
        kinds = [event["event"] for event in done.events]
        self.assertLess(kinds.index("listening"), kinds.index("hashing"))
        early, late = done.of("listening")
        self.assertIsNone(early["magnet"])
        self.assertEqual([url + late["urls"][0][len(url):] for url in early["urls"]], late["urls"])
        self.assertEqual(late["magnets"], [late["magnet"]])

    def test_nothing_is_found_without_the_token(self):
        running = self.share("a.bin")
        base = f"http://127.0.0.1:{self.port}"
        for path in ("/", "/a.bin.torrent", "/stats", "/metrics", "/test-toke/a.bin.torrent", "/test-tokens/", "/x/stats"):
            self.assertEqual(self.status_of(base + path), 404, path)
        with urllib.request.urlopen(self.url(""), timeout=10) as reply:
            line = reply.read().decode()
        self.assertEqual([f"barter get {url}\n" for url in running.wait_for("shared")["urls"]], [line])
        self.assertEqual(self.status_of(self.url("stats")), 200)
        running.end()

    def test_no_token(self):
        running = self.share("a.bin", "--no-token")
        base = f"http://127.0.0.1:{self.port}"
        for path in ("/", "/a.bin.torrent", "/stats"):
            self.assertEqual(self.status_of(base + path), 200, path)
        running.end()
        self.bad(2, "--token-file", "share", "a.bin", "--no-token", "--token-file", "token")

    def test_a_token_is_kept_over_restarts(self):
        def urls(*arguments):
            running = self.start("share", "a.bin", "--json", "--listen", "127.0.0.1", "--port", str(self.port), *arguments)
            out = running.wait_for("shared")["urls"]
            running.end()
            return out
        first = urls()
        self.assertRegex(first[0], r"^http://127\.0\.0\.1:\d+/[a-z0-9]{20}/a\.bin\.torrent#btih=[0-9a-f]{40}$")
        self.assertEqual(urls(), first)
        self.assertNotEqual(urls("--state-dir", self.path("other")), first)
        made = urls("--token-file", "made")
        self.assertIn(f"/{self.read('made').decode().strip()}/", made[0])
        self.assertEqual(urls("--token-file", "made", "--state-dir", self.path("third")), made)
        self.write("bad", "a b")
        self.bad(1, "no token", "share", "a.bin", "--token-file", "bad")


if __name__ == "__main__":
    unittest.main()
