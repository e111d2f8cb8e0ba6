"""dht, and get by the DHT alone, over loopback: nobody is asked but the nodes that a test starts."""

import hashlib
import os
import random
import socket
import subprocess
import time
import unittest

from harness import BarterTest, free_port


class Dht(BarterTest):
    def setUp(self):
        super().setUp()
        self.write("data.bin", random.Random(2).randbytes(200_000))
        self.write("other.bin", b"other " * 1000)
        for name in ("data.bin", "other.bin"):
            self.good("create", name, "--no-date")
        self.router = free_port()
        # Its own beginning is a port where nobody is.
        self.node("other.bin", self.router, free_port())

    def node(self, name, port, begin):
        running = self.start("seed", name + ".torrent", "--dir", ".", "--port", str(port), "--json", "--listen",
                             "127.0.0.1", "--state-dir", self.path(f"state-{port}"), "--dht-node",
                             f"127.0.0.1:{begin}")
        running.wait_for("listening")
        return running

    def ask(self, *arguments, good=True):
        asked = ("dht", *arguments, "--dht-node", f"127.0.0.1:{self.router}", "--listen", "127.0.0.1", "--json",
                 "--timeout", "20s", "--state-dir", self.path("asker"))
        return (self.good if good else self.barter)(*asked)

    def test_ping_and_status(self):
        pong = self.ask("ping", f"127.0.0.1:{self.router}").result
        self.assertRegex(pong["id"], "^[0-9a-f]{40}$")
        self.assertTrue(pong["seen_as"].startswith("127.0.0.1:"))
        status = self.ask("status").result
        self.assertGreaterEqual(status["ipv4"]["nodes"], 1)
        silent = self.ask("ping", f"127.0.0.1:{free_port()}", good=False)
        self.assertEqual(silent.code, 1)

    def test_who_only_asks_says_so(self):
        # BEP 43: so nobody takes it into a table and waits for it when it has gone.
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as node:
            node.bind(("127.0.0.1", 0))
            node.settimeout(10)
            self.start("dht", "ping", "127.0.0.1:%d" % node.getsockname()[1], "--dht-node", f"127.0.0.1:{free_port()}",
                       "--listen", "127.0.0.1", "--timeout", "1s", "--state-dir", self.path("asker"))
            self.assertIn(b"2:roi1e", node.recv(1500))

    def test_what_is_put_can_be_got(self):
        put = self.ask("put", "a few words").result
        self.assertGreaterEqual(put["stored"], 1)
        got = self.ask("get", put["target"]).result
        self.assertEqual((got["value"], got["sequence"]), ("a few words", None))
        self.assertEqual(self.ask("get", "0" * 40, good=False).code, 1)

    def test_a_mutable_item_is_replaced_by_who_has_the_key(self):
        first = self.ask("put", "one", "--key", "me.pem").result
        self.assertEqual(first["sequence"], 1)
        self.assertEqual(os.stat(self.path("me.pem")).st_mode & 0o777, 0o600)
        again = self.ask("put", "one", "--key", "me.pem").result  # the same: kept alive
        second = self.ask("put", "two", "--key", "me.pem").result
        self.assertEqual([again["sequence"], second["sequence"]], [1, 2])
        self.assertEqual({again["target"], second["target"]}, {first["target"]})
        got = self.ask("get", first["target"]).result
        self.assertEqual((got["value"], got["sequence"]), ("two", 2))
        for flags in (("--seq", "1"), ("--seq", "9", "--cas", "1")):  # older; not what is there
            refused = self.ask("put", "three", "--key", "me.pem", *flags, good=False)
            self.assertEqual(refused.code, 1, refused.out)
            self.assertIn("refused", refused.of("error")[0]["message"])
        self.assertEqual(self.ask("put", "three", "--key", "me.pem", "--seq", "9", "--cas", "2").result["sequence"], 9)
        salted = self.ask("put", "other", "--key", "me.pem", "--salt", "a").result
        self.assertNotEqual(salted["target"], first["target"])
        self.assertEqual(salted["public_key"], first["public_key"])
        self.assertEqual(self.ask("get", salted["target"], "--salt", "a").result["value"], "other")
        self.assertEqual(self.ask("get", salted["target"], good=False).code, 1)

    def test_an_item_is_put_again_while_we_stay(self):
        running = self.start("dht", "put", "kept", "--keep=1s", "--dht-node", f"127.0.0.1:{self.router}", "--listen",
                             "127.0.0.1", "--json", "--state-dir", self.path("asker"))
        time.sleep(1.5)
        done = running.end()
        self.assertEqual(done.code, 130)
        self.assertGreaterEqual(done.result["puts"], 2)

    def test_keys(self):
        key = self.path("openssl.pem")
        subprocess.run(["openssl", "genpkey", "-algorithm", "ed25519", "-out", key], check=True, capture_output=True)
        public = subprocess.run(["openssl", "pkey", "-in", key, "-pubout", "-outform", "DER"], check=True,
                                capture_output=True).stdout
        put = self.ask("put", "signed", "--key", key).result
        self.assertEqual(put["public_key"], public[-32:].hex())
        self.assertEqual(put["target"], hashlib.sha1(public[-32:]).hexdigest())
        self.bad(1, "ed25519", "dht", "put", "x", "--key", self.write("junk.pem", "junk"))
        self.bad(1, "nowhere", "dht", "put", "x", "--key", "nowhere/me.pem")

    def test_peers_are_found_and_a_get_completes_by_them(self):
        port = free_port()
        self.node("data.bin", port, self.router)
        info_hash = self.good("show", "data.bin.torrent", "--json").result["v1_info_hash"]
        end = time.monotonic() + 30
        while True:
            found = self.ask("find-peers", info_hash, good=False).result.get("peers", [])
            if f"127.0.0.1:{port}" in found:
                break
            self.assertLess(time.monotonic(), end, f"found {found}")
        done = self.good("get", "data.bin.torrent", "--dir", "got", "--listen", "127.0.0.1", "--json",
                         "--dht-node", f"127.0.0.1:{self.router}", "--stall-timeout", "40s")
        self.assertTrue(done.result["complete"])
        self.assertEqual(self.read("got/data.bin"), self.read("data.bin"))
        self.assertIn("dht", [event["source"] for event in done.of("peer")])

    def test_usage(self):
        self.bad(2, "find-peers", "dht", "find-peers")
        self.bad(2, "nonsense", "dht", "find-peers", "nonsense")
        self.bad(2, "frob", "dht", "frob")
        self.bad(2, "ping", "dht", "ping", "no-port")
        self.bad(2, "--key", "dht", "put", "x", "--seq", "1")
        self.bad(2, "--salt", "dht", "put", "x", "--key", "k", "--salt", "s" * 65)
        self.bad(2, "put", "dht", "get", "0" * 40, "--key", "k")
        self.bad(2, "--keep", "dht", "put", "x", "--keep=soon")
        self.bad(2, "--dht-node", "get", "data.bin.torrent", "--dht-node", "no-port")


if __name__ == "__main__":
    unittest.main()
