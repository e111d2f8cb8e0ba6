"""tracker by its command line, over loopback: its lists are read again, and nobody is forgotten for that."""

import os
import shutil
import signal
import socket
import time
import unittest
import urllib.request

from harness import BarterTest, free_port


class Tracker(BarterTest):
    def setUp(self):
        super().setUp()
        os.mkdir(self.path("all"))
        self.hashes = {}
        for name in "ab":
            self.write(f"{name}.bin", name * 50_000)
            self.good("create", f"{name}.bin", "--output", f"{name}.torrent")
            self.hashes[name] = self.good("show", f"{name}.torrent", "--json").result["v1_info_hash"]
        shutil.copy(self.path("a.torrent"), self.path("all"))
        self.port = free_port()

    def tracker(self, *arguments, **options):
        running = self.start("tracker", "--listen", f"127.0.0.1:{self.port}", "--json", *arguments, **options)
        running.wait_for("listening")
        return running

    def announce(self, name, port, left=0):
        quoted = "".join(f"%{byte:02x}" for byte in bytes.fromhex(self.hashes[name]))
        with urllib.request.urlopen(
                f"http://127.0.0.1:{self.port}/announce?info_hash={quoted}&peer_id=-XX0000-{port:012}&port={port}"
                f"&uploaded=0&downloaded=0&left={left}&compact=1&event=started", timeout=10) as reply:
            return reply.read()

    def allowed(self, name, seconds=0.0):
        end = time.monotonic() + seconds
        while b"failure" in self.announce(name, 7001):
            if time.monotonic() >= end:
                return False
            time.sleep(0.1)
        return True

    def assert_remembered(self, name):
        """Who announced at 7001 is still handed out."""
        self.assertIn(socket.inet_aton("127.0.0.1") + (7001).to_bytes(2, "big"), self.announce(name, 7002, left=5))

    def test_hangup_reads_the_lists_again(self):
        self.write("list", self.hashes["a"])
        running = self.tracker("--allow", "list")
        self.assertTrue(self.allowed("a"))
        self.assertFalse(self.allowed("b"))
        for text in ("nonsense", self.hashes["a"] + "\n" + self.hashes["b"]):
            self.write("list", text)
            running.process.send_signal(signal.SIGHUP)
            if text == "nonsense":
                self.assertIn("stays as it was", running.wait_for("warning")["message"])
                self.assert_remembered("a")
        self.assertTrue(self.allowed("b", 5))
        self.assertEqual(running.wait_for("reloaded")["info_hashes"], 2)
        self.assert_remembered("a")
        self.assertEqual(running.end(signal.SIGTERM).code, 0)

    def test_a_change_in_the_folder_is_seen(self):
        running = self.tracker("--allow", "all")
        self.assertTrue(self.allowed("a"))
        self.assertFalse(self.allowed("b"))
        shutil.copy(self.path("b.torrent"), self.path("all"))
        self.assertTrue(self.allowed("b", 10))
        self.assert_remembered("a")
        os.remove(self.path("all/b.torrent"))
        running.wait_for("reloaded", where=lambda event: event["info_hashes"] == 1)
        self.assertFalse(self.allowed("b"))
        # A folder that is empty may have lost its disk: its torrents stay, until we are told.
        os.remove(self.path("all/a.torrent"))
        self.assertIn("names no torrent any more", running.wait_for("warning")["message"])
        self.assert_remembered("a")
        running.process.send_signal(signal.SIGHUP)
        running.wait_for("reloaded", where=lambda event: event["info_hashes"] == 0)
        self.assertFalse(self.allowed("a"))
        running.end()

    def test_hangup_ends_no_tracker(self):
        running = self.tracker()
        self.assertTrue(self.allowed("a"))
        for _ in range(3):
            running.process.send_signal(signal.SIGHUP)
            time.sleep(0.2)
        self.assertIsNone(running.process.poll())
        self.assert_remembered("a")
        self.assertEqual(running.end().code, 0)


if __name__ == "__main__":
    unittest.main()
