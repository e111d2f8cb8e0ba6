"""get and verify of a URL, over loopback: again when its server has gone, pinned, and through trouble that passes."""

import http.server
import os
import random
import threading
import time
import unittest

from harness import BarterTest, free_port

SIZE = 3_000_000


class Server:
    """Serves what it is told to at any path: `answers` one after the other, the last one for ever. A torrent, or a status."""

    def __init__(self, test, port=0):
        self.answers, self.asked = [], []
        outer = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self):
                outer.asked.append(self.headers.get("If-None-Match"))
                answer = outer.answers.pop(0) if len(outer.answers) > 1 else outer.answers[0]
                if isinstance(answer, int):
                    self.send_response(answer)
                    answer = b"<html>" + 500 * b"x"
                elif self.headers.get("If-None-Match") == '"1"':
                    self.send_response(304)
                    self.end_headers()
                    return
                else:
                    self.send_response(200)
                    self.send_header("ETag", '"1"')
                self.send_header("Content-Length", str(len(answer)))
                self.end_headers()
                self.wfile.write(answer)

            def log_message(self, *_):
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", port), Handler)
        self.port = self.server.server_address[1]
        self.url = f"http://127.0.0.1:{self.port}/x.torrent"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()
        test.addCleanup(self.stop)

    def stop(self):
        self.server.shutdown()
        self.server.server_close()


class Urls(BarterTest):
    def setUp(self):
        super().setUp()
        self.write("x.bin", random.Random(1).randbytes(SIZE))
        self.good("create", "x.bin", "--piece-length", "64KiB", "--output", "x.torrent")
        self.hash = self.good("show", "x.torrent", "--json").result["v1_info_hash"]
        self.port = free_port()
        self.start("seed", "x.torrent", "--dir", ".", "--port", str(self.port), "--json", "--listen", "127.0.0.1",
                   "--state-dir", self.path("seeds")).wait_for("listening")

    def command(self, url, *arguments, folder="got"):
        return ("get", url, "--dir", folder, "--peer", f"127.0.0.1:{self.port}", "--listen", "127.0.0.1",
                "--stall-timeout", "30s", *arguments)

    def server(self, *answers):
        server = Server(self)
        server.answers = list(answers) or [self.read("x.torrent")]
        return server

    def source(self, done):
        return [event["source"] for event in done.of("torrent")]

    def test_again_when_the_server_has_gone(self):
        server = self.server()
        done = self.good(*self.command(server.url, "--json"))
        self.assertEqual(self.source(done), ["server"])
        server.stop()
        began = time.monotonic()
        done = self.good(*self.command(server.url, "--json"))
        self.assertLess(time.monotonic() - began, 5)
        (event,) = done.of("torrent")
        self.assertEqual((event["source"], event["v1_info_hash"]), ("remembered", self.hash))
        self.assertIn("connect", event["reason"])
        self.assertRegex(event["fetched"], r"^\d{4}-\d\d-\d\dT")
        done = self.good(*self.command(server.url))
        self.assertIn(f"source: remembered, fetched {event['fetched']}", done.err)
        self.good("verify", server.url, "--dir", "got")
        self.assertIn("x.bin", self.good("show", server.url).out)
        # With the fragment it is the same URL.
        self.good(*self.command(server.url + "#btih=" + self.hash))
        self.bad(1, "connect", *self.command(server.url, "--fresh", "--retry-for", "0"))
        self.bad(1, "connect", *self.command(server.url + "?other", "--retry-for", "0"))

    def test_half_a_download_goes_on_without_the_server(self):
        server = self.server()
        running = self.start(*self.command(server.url, "--down-limit", "1MB", "--json"))
        running.wait_for("progress", where=lambda event: event["downloaded"] > 300_000)
        self.assertEqual(running.end().code, 130)
        server.stop()
        done = self.good(*self.command(server.url, "--json"))
        self.assertLess(done.result["downloaded"], SIZE - 200_000)
        self.assertEqual(self.read("x.bin"), self.read("got/x.bin"))

    def test_the_server_is_asked_first(self):
        server = self.server()
        self.good(*self.command(server.url))
        done = self.good(*self.command(server.url, "--json"))
        self.assertEqual(self.source(done), ["unchanged"])
        self.assertEqual(server.asked, [None, '"1"'])
        self.assertEqual(self.source(self.good(*self.command(server.url, "--json", "--fresh"))), ["unchanged"])
        for status in (404, 410):
            server.answers = [status]
            done = self.good(*self.command(server.url, "--json"))
            self.assertEqual(self.source(done), ["remembered"])
            self.assertIn(str(status), done.of("torrent")[0]["reason"])
            self.bad(1, str(status), *self.command(server.url, "--fresh"))

    def test_what_is_kept_does_not_hide_what_the_server_says(self):
        server = self.server()
        self.good(*self.command(server.url))
        for status in (400, 401, 403, 429, 500):
            server.answers = [status]
            self.bad(1, str(status), *self.command(server.url))
        for status in (502, 503, 504):
            server.answers = [status]
            self.bad(1, str(status), *self.command(server.url, "--retry-for", "0"))
        server.answers = [200]  # a page in place of the torrent
        self.bad(1, server.url, *self.command(server.url))

    def test_trouble_that_passes(self):
        server = self.server(503, 502, 504, self.read("x.torrent"))
        done = self.good(*self.command(server.url, "--json"))
        self.assertEqual(len(done.of("warning")), 1)
        self.assertIn("trying again for 30 s", done.of("warning")[0]["message"])
        self.assertEqual(len(server.asked), 4)
        for status in (401, 404, 410, 429, 500):
            server = self.server(status, self.read("x.torrent"))
            self.bad(1, str(status), *self.command(server.url))
            self.assertEqual(len(server.asked), 1)

    def test_a_server_that_comes_later(self):
        port = free_port()
        running = self.start(*self.command(f"http://127.0.0.1:{port}/x.torrent", "--json"))
        self.assertIn("trying again", running.wait_for("warning")["message"])
        Server(self, port).answers = [self.read("x.torrent")]
        self.assertEqual(running.wait().code, 0)

    def test_retry_for(self):
        url = f"http://127.0.0.1:{free_port()}/x.torrent"
        for time_given, least, most in (("0", 0, 2), ("2s", 2, 6)):
            began = time.monotonic()
            self.bad(1, "cannot connect", *self.command(url, "--retry-for", time_given))
            took = time.monotonic() - began
            self.assertGreaterEqual(took, least)
            self.assertLess(took, most)
        began = time.monotonic()
        self.bad(1, "cannot connect", "verify", url, "--retry-for", "0")
        self.bad(1, "cannot connect", "show", url)
        self.assertLess(time.monotonic() - began, 4)

    def test_another_torrent_than_the_pinned_one_is_refused(self):
        server = self.server()
        self.write("y/x.bin", b"else" * 100_000)
        self.good("create", "y/x.bin", "--output", "y.torrent")
        other = self.good("show", "y.torrent", "--json").result["v1_info_hash"]
        pinned = server.url + "#btih=" + self.hash
        server.answers = [self.read("y.torrent")]
        for command in (self.command(pinned), self.command(server.url, "--expect", self.hash), ("verify", pinned),
                        ("verify", server.url, "--expect", self.hash), ("show", pinned),
                        self.command("y.torrent", "--expect", self.hash),
                        self.command(self.good("magnet", "y.torrent").out.strip(), "--expect", self.hash)):
            self.bad(1, [self.hash, other], *command)
        self.assertFalse(os.path.exists(self.path("got")))
        # And what was kept under the URL is not taken for it either.
        server.stop()
        self.bad(1, "cannot connect", *self.command(pinned, "--retry-for", "0"))
        self.bad(1, "no info-hash", *self.command(server.url + "#btih=" + self.hash[1:]))
        self.bad(2, "no info-hash", *self.command(server.url, "--expect", "nonsense"))
        self.bad(1, "different torrents", *self.command(pinned, "--expect", other))
        self.good(*self.command("x.torrent", "--expect", self.hash.upper()))


if __name__ == "__main__":
    unittest.main()
