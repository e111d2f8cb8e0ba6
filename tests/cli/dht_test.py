"""dht, and get by the DHT alone, over loopback: nobody is asked but the nodes that a test starts."""

import random
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

    def test_what_is_put_can_be_got(self):
        put = self.ask("put", "a few words").result
        self.assertGreaterEqual(put["stored"], 1)
        got = self.ask("get", put["target"]).result
        self.assertEqual((got["value"], got["sequence"]), ("a few words", None))
        self.assertEqual(self.ask("get", "0" * 40, good=False).code, 1)

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
        self.bad(2, "--dht-node", "get", "data.bin.torrent", "--dht-node", "no-port")


if __name__ == "__main__":
    unittest.main()
