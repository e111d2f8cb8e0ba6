"""get and seed by their command lines, over loopback."""

import http.server
import json
import os
import random
import resource
import signal
import socket
import subprocess
import threading
import time
import unittest

from harness import BARTER, BarterTest, check_event, free_port

SIZE = 3_000_000


class Transfer(BarterTest):
    def setUp(self):
        super().setUp()
        self.write("album/big.bin", random.Random(1).randbytes(SIZE))
        self.write("album/extras/notes.txt", "notes " * 1000)
        self.write("album/empty", "")
        self.good("create", "album", "--piece-length", "64KiB", "--no-date")
        self.port = free_port()

    def seed(self, *arguments):
        running = self.start("seed", "album.torrent", "--dir", ".", "--port", str(self.port), "--json",
                             "--state-dir", self.path("seed-state"), *arguments)
        running.wait_for("listening")
        return running

    def get(self, *arguments, peer=True, **options):
        return self.barter("get", "album.torrent", "--dir", "got", *self.peers(peer), *arguments, **options)

    def peers(self, peer):
        return ["--peer", f"127.0.0.1:{self.port}"] if peer else []

    def assert_whole(self):
        for name in ("big.bin", "extras/notes.txt", "empty"):
            self.assertEqual(self.read(f"album/{name}"), self.read(f"got/album/{name}"), name)

    def serve(self, handler):
        """An HTTP server for as long as the test; its URL."""
        server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler)
        self.addCleanup(server.server_close)
        self.addCleanup(server.shutdown)
        threading.Thread(target=server.serve_forever, daemon=True).start()
        return f"http://127.0.0.1:{server.server_port}"

    def program(self, code=0):
        path = self.write("program", f'#!/bin/sh\nprintf "%s|" "$#" "$@" > "{self.path("ran")}"\n'
                                     f'echo noise\nexit {code}\n')
        os.chmod(path, 0o755)
        return path

    def test_files_that_cannot_be_written_are_left_out(self):
        """A read-only bind mount in a mount namespace: also root cannot write there."""
        if subprocess.run(["unshare", "-rm", "true"], check=False, capture_output=True).returncode != 0:
            self.skipTest("no mount namespaces here")
        self.seed()
        locked = self.write("got/album/extras/notes.txt", "")
        mounted = ("mount --bind {0} {0} && mount -o remount,bind,ro {0} && exec \"$@\"").format(locked)
        command = ["unshare", "-rm", "sh", "-c", mounted, "sh", BARTER, "get", "album.torrent", "--dir", "got", "--no-dht",
                   "--no-lsd", "--listen", "127.0.0.1", *self.peers(True), "--on-complete", self.program()]
        for arguments in ([], ["--json"]):
            done = subprocess.run([*command, *arguments], cwd=self.folder, env=self.environment, capture_output=True,
                                  text=True, timeout=60, check=False)
            self.assertEqual(done.returncode, 1, done.stdout + done.stderr)
            self.assertIn("notes.txt", done.stdout + done.stderr)
            self.assertEqual(self.read("album/big.bin"), self.read("got/album/big.bin"))
            self.assertEqual(self.read("got/album/extras/notes.txt"), b"")
            self.assertFalse(os.path.exists(self.path("ran")))
            if arguments:
                events = [check_event(line) for line in done.stdout.splitlines()]
                self.assertEqual([file["path"] for event in events if event["event"] == "left_out" for file in event["files"]],
                                 ["album/extras/notes.txt"])
                self.assertFalse(events[-1]["complete"])
                self.assertEqual(events[-1]["exit_code"], 1)
        done = self.get()
        self.assertEqual(done.code, 0, done.err)
        self.assert_whole()

    def test_what_is_no_file_and_what_has_other_names_is_left_out(self):
        self.seed()
        older = self.read("album/big.bin")[:-70_000] + bytes(range(256)) * 200
        self.write("mine/older.bin", older)
        os.makedirs(self.path("got/album"))
        os.link(self.path("mine/older.bin"), self.path("got/album/big.bin"))
        self.write("mine/notes/diary.txt", "precious")
        os.symlink(self.path("mine/notes"), self.path("got/album/extras"))
        done = self.get("--json")
        self.assertEqual(done.code, 1, done.out)
        left_out = {file["path"]: file["reason"] for file in done.of("left_out")[0]["files"]}
        self.assertIn("hard links", left_out.pop("album/big.bin"))
        self.assertTrue(left_out)
        for path, reason in left_out.items():
            self.assertTrue(path.startswith("album/extras/"), path)
            self.assertIn("symbolic link", reason)
        self.assertEqual(self.read("mine/older.bin"), older)
        self.assertEqual(os.listdir(self.path("mine/notes")), ["diary.txt"])
        os.unlink(self.path("got/album/extras"))
        os.makedirs(self.path("got/album/extras/notes.txt"))
        done = self.get("--force")
        self.assertEqual(done.code, 1, done.out)
        self.assertIn("a folder is in the way of album/extras/notes.txt", done.err)
        self.assertEqual(self.read("mine/older.bin"), self.read("album/big.bin"))
        os.rmdir(self.path("got/album/extras/notes.txt"))
        self.assertEqual(self.get().code, 0)
        self.assert_whole()

    def test_a_file_above_the_limit_of_sizes_leaves_nothing(self):
        self.write("disc/a.txt", "first " * 1000)
        self.write("disc/big.iso", random.Random(2).randbytes(SIZE))
        self.good("create", "disc", "--piece-length", "64KiB")
        self.start("seed", "disc.torrent", "--dir", ".", "--port", str(self.port), "--json", "--state-dir",
                   self.path("seed-state")).wait_for("listening")
        limited = f"ulimit -f 1000; exec {BARTER} get disc.torrent --dir got --no-dht --no-lsd --listen 127.0.0.1 " \
                  + " ".join(self.peers(True))
        done = subprocess.run(["bash", "-c", limited], cwd=self.folder, env=self.environment, capture_output=True, text=True,
                              timeout=60, check=False)
        self.assertEqual(done.returncode, 1, done.stderr)
        self.assertIn("disc/big.iso", done.stderr)
        self.assertEqual(os.listdir(self.path("got/disc")), ["a.txt"])
        self.assertEqual(self.read("got/disc/a.txt"), self.read("disc/a.txt"))

    def test_where_no_file_can_be_written_it_is_told_at_once(self):
        self.seed()
        limited = f"ulimit -f 1; exec {BARTER} get album.torrent --dir got --no-dht --no-lsd --listen 127.0.0.1 --select big.bin"
        done = subprocess.run(["bash", "-c", limited], cwd=self.folder, env=self.environment, capture_output=True, text=True,
                              timeout=60, check=False)
        self.assertEqual(done.returncode, 1)
        self.assertIn("big.bin", done.stderr)
        self.assertIn("file size limit", done.stderr)

    def test_get_tells_where_the_data_is(self):
        self.seed()
        done = self.get()
        self.assertEqual((done.code, done.out), (0, "got/album\n"), done.err)
        self.assert_whole()

    def test_every_event_is_documented(self):
        seed = self.seed()
        done = self.get("--json")
        self.assertEqual(done.code, 0, done.out)
        for kind in ("listening", "progress", "peer", "complete", "result"):
            self.assertTrue(done.of(kind), kind)
        self.assertEqual(done.result["path"], "got/album")
        self.assertTrue(done.result["complete"])
        seeded = seed.end()
        self.assertEqual(seeded.code, 0)
        peer_id = seeded.of("listening")[0]["peer_id"]
        self.assertIn(peer_id, [peer["peer_id"] for peer in done.of("peer")])
        self.assertGreaterEqual(seeded.result["uploaded"], SIZE)
        self.assertGreaterEqual(sum(peer["uploaded"] for peer in seeded.of("peer")), SIZE)

    def test_the_promised_forms(self):
        self.seed()
        running = self.start("get", "album.torrent", "--dir", "got", "--port", str(free_port()), *self.peers(True),
                             "--seed", "--on-complete", self.program(), "--up-limit", "500KiB", "--json")
        running.wait_for("complete")
        end = time.monotonic() + 10
        while not os.path.exists(self.path("ran")) and time.monotonic() < end:
            time.sleep(0.05)
        time.sleep(0.5)
        done = running.end(signal.SIGTERM)
        self.assertEqual(done.code, 0, done.out)
        self.assertEqual(self.read("ran").decode(), f"1|{self.path('got/album')}|")
        self.assertNotIn("noise", done.out)

    def test_on_complete_that_fails(self):
        self.seed()
        done = self.get("--on-complete", self.program(3))
        self.assertEqual(done.code, 1)
        self.assertIn("exit code 3", done.err)
        self.assert_whole()
        done = self.get("--on-complete", self.path("nothing"), peer=False)
        self.assertEqual(done.code, 1)
        self.assertIn("No such file", done.err)

    def test_on_complete_inherits_nothing_of_ours(self):
        self.seed()
        program = self.write("look", "#!/bin/sh\nulimit -Sn > limit\n"
                                     "(exec sleep 30 > /dev/null 2>&1 < /dev/null) & echo $! > child\n")
        os.chmod(program, 0o755)
        _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
        soft = min(100, hard)
        port = str(free_port())
        running = self.start("get", "album.torrent", "--dir", "got", "--port", port, *self.peers(True), "--seed",
                             "--on-complete", program, "--json",
                             preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard)))
        running.wait_for("complete")
        end = time.monotonic() + 10
        while not (os.path.exists(self.path("child")) and self.read("child")) and time.monotonic() < end:
            time.sleep(0.05)
        child = int(self.read("child"))
        self.addCleanup(os.kill, child, signal.SIGKILL)
        while os.readlink(f"/proc/{child}/exe").endswith("sh") and time.monotonic() < end:
            time.sleep(0.05)
        held = {name: os.readlink(f"/proc/{child}/fd/{name}") for name in os.listdir(f"/proc/{child}/fd")}
        self.assertEqual(held, {"0": "/dev/null", "1": "/dev/null", "2": "/dev/null"})
        self.assertEqual(int(self.read("limit")), soft)
        self.assertEqual(running.end().code, 0)
        again = self.get("--port", port, "--json")  # nobody holds it any more
        self.assertEqual(again.code, 0, again.out)

    def test_few_descriptors(self):
        def few():
            resource.setrlimit(resource.RLIMIT_NOFILE, (64, 64))
        seed = self.start("seed", "album.torrent", "--dir", ".", "--port", str(self.port), "--json",
                          "--state-dir", self.path("seed-state"), preexec_fn=few)
        seed.wait_for("listening")
        silent = []
        for _ in range(80):
            silent.append(socket.create_connection(("127.0.0.1", self.port)))
            self.addCleanup(silent[-1].close)
        running = self.start("get", "album.torrent", "--dir", "got", *self.peers(True), "--json", preexec_fn=few)
        done = running.wait(15)
        self.assertEqual(done.code, 0, done.out)
        self.assert_whole()
        self.assertEqual(done.of("warning"), [])

    def test_url_that_brings_no_torrent(self):
        class Handler(http.server.BaseHTTPRequestHandler):
            def handle(self):
                try:
                    super().handle()
                except OSError:  # it has given up
                    pass

            def do_GET(self):
                if self.path == "/busy":
                    self.send_response(503)
                    self.send_header("Retry-After", "1")
                    self.end_headers()
                    return
                if self.path == "/drip":
                    for byte in b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n" + 100 * b"d":
                        self.wfile.write(bytes([byte]))
                        time.sleep(0.2)
                time.sleep(20)

            def log_message(self, *_):
                pass

        url = self.serve(Handler)
        for path, reason in (("/busy", "HTTP status 503"), ("/silent", "no reply"), ("/drip", "no reply")):
            for json_lines in ((), ("--json",)):
                began = time.monotonic()
                done = self.barter("get", url + path, "--stall-timeout", "2s", *json_lines)
                self.assertEqual(done.code, 3, f"{path}: {done.out}{done.err}")
                self.assertLess(time.monotonic() - began, 12)
                self.assertIn("no torrent came for 2 s", done.of("error")[0]["message"] if json_lines else done.err)
                self.assertIn(reason, done.of("error")[0]["message"] if json_lines else done.err)

    def test_select(self):
        self.seed()
        done = self.get("--select", "*.txt", "--json")
        self.assertEqual(done.code, 0, done.out)
        self.assertEqual(done.of("complete")[0]["bytes"], 6000)
        self.assertEqual(os.listdir(self.path("got/album")), ["extras"])
        self.bad(1, "--select", "get", "album.torrent", "--select", "*.flac")

    def spoil(self, path, at=100_000):
        """A byte changes, and nothing shows it: neither size nor times."""
        before = os.stat(path)
        with open(path, "r+b") as file:
            file.seek(at)
            byte = file.read(1)[0]
            file.seek(at)
            file.write(bytes([byte ^ 1]))
        os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))

    def test_check_hashes_again(self):
        self.seed()
        self.good("get", "album.torrent", "--dir", "got", *self.peers(True))
        self.spoil(self.path("got/album/big.bin"))
        self.assertEqual(self.get("--json").result["downloaded"], 0)
        done = self.get("--check", "--json")
        self.assertEqual(done.code, 0)
        self.assertGreater(done.result["downloaded"], 0)
        self.assertLess(done.result["downloaded"], SIZE // 4)
        self.assert_whole()

    def test_repair(self):
        self.seed()
        self.good("get", "album.torrent", "--dir", "got", *self.peers(True))
        repair = ("verify", "album.torrent", "--dir", "got", "--repair", "--no-dht", "--no-lsd", "--stall-timeout", "20s",
                  *self.peers(True), "--json")
        done = self.good(*repair)
        self.assertNotIn("repaired", done.result)
        self.spoil(self.path("got/album/big.bin"))
        os.remove(self.path("got/album/extras/notes.txt"))
        self.assertEqual(self.barter("verify", "album.torrent", "--dir", "got").code, 1)
        done = self.good(*repair)
        self.assertEqual((done.result["whole"], done.result["repaired"]), (True, 2))
        self.assertLess(done.result["downloaded"], SIZE // 2)
        self.assert_whole()
        self.good("verify", "album.torrent", "--dir", "got")
        # Also without what get remembers, and what has become too long.
        self.spoil(self.path("got/album/big.bin"))
        self.good(*repair, "--state-dir", "other")
        self.assert_whole()
        with open(self.path("got/album/big.bin"), "ab") as file:
            file.write(b"more")
        self.assertEqual(self.good(*repair).result["repaired"], 1)
        self.assert_whole()
        # Nobody has it.
        self.spoil(self.path("got/album/big.bin"))
        done = self.barter("verify", "album.torrent", "--dir", "got", "--repair", "--no-dht", "--no-lsd", "--stall-timeout", "1s",
                           "--listen", "127.0.0.1", "--json")
        self.assertEqual((done.code, done.result["whole"]), (3, False))

    def test_verify_at_a_rate(self):
        self.write("slow.bin", random.Random(5).randbytes(1_000_000))
        self.good("create", "slow.bin", "--output", "slow.torrent")
        began = time.monotonic()
        self.good("verify", "slow.torrent", "--rate", "1MB")
        self.assertGreater(time.monotonic() - began, 0.8)
        began = time.monotonic()
        self.good("verify", "slow.torrent", "--rate", "none")
        self.assertLess(time.monotonic() - began, 0.8)

    def test_metrics_file(self):
        self.seed("--up-limit", "1MB")
        running = self.start("get", "album.torrent", "--dir", "got", *self.peers(True), "--metrics-file", "m.prom", "--json")
        running.wait_for("progress")
        text = self.read("m.prom").decode()
        self.assertIn("barter_get_running{", text)
        self.assertRegex(text, r'barter_get_complete\{name="album",info_hash="[0-9a-f]{40}"\} 0\n')
        self.assertEqual(running.end().code, 130)
        text = self.read("m.prom").decode()
        self.assertRegex(text, r"barter_get_exit_code\{.*\} 130\n")
        self.assertEqual(os.stat(self.path("m.prom")).st_mode & 0o777, 0o666 & ~self.umask())
        self.assertEqual(self.get("--metrics-file", "m.prom").code, 0)
        text = self.read("m.prom").decode()
        self.assertRegex(text, r"barter_get_complete\{.*\} 1\n")
        self.assertRegex(text, r"barter_get_running\{.*\} 0\n")
        # What cannot be written is told before anything is fetched.
        self.bad(1, "nowhere", "get", "album.torrent", "--dir", "other", *self.peers(True), "--metrics-file", "nowhere/m.prom")
        self.assertFalse(os.path.exists(self.path("other")))

    def umask(self):
        before = os.umask(0)
        os.umask(before)
        return before

    def test_interrupted_and_resumed(self):
        self.seed()
        running = self.start("get", "album.torrent", "--dir", "got", *self.peers(True), "--down-limit", "1MB",
                             "--json")
        running.wait_for("progress", where=lambda event: event["downloaded"] > 500_000)
        done = running.end()
        self.assertEqual(done.code, 130)
        self.assertFalse(done.result["complete"])
        again = self.get("--json")
        self.assertEqual(again.code, 0, again.out)
        self.assertLess(again.result["downloaded"], SIZE - 200_000)
        self.assert_whole()

    def test_sigterm_and_a_second_signal(self):
        running = self.start("get", "album.torrent", "--dir", "got", "--json")
        running.wait_for("listening")
        self.assertEqual(running.end(signal.SIGTERM).code, 143)

    def test_stall_timeout(self):
        done = self.get("--stall-timeout", "1s", peer=False)
        self.assertEqual(done.code, 3)
        self.assertIn("no byte came", done.err)

    def limited(self, running, direction, reason):
        """The first progress that names the reason."""
        return running.wait_for("progress", where=lambda event: event[f"{direction}_limit"]["reason"] == reason)

    def test_explain_our_own_limit(self):
        seed = self.seed("--explain")
        get = self.start("get", "album.torrent", "--dir", "got", *self.peers(True), "--json", "--explain",
                         "--down-limit", "300KiB")
        event = self.limited(get, "down", "own_limit")
        if not event["peer_limits"]:  # it was looked at just before the peer came
            event = get.wait_for("progress", where=lambda event: event["peer_limits"])
        (peer,) = event["peer_limits"]
        self.assertEqual((peer["address"], peer["source"]), (f"127.0.0.1:{self.port}", "user"))
        self.assertIn(peer["up_limit"], ("nothing_yet", "no_interest"))  # before the first piece, and after
        event = seed.wait_for("progress", where=lambda event: event["peer_limits"])
        self.assertEqual(event["down_limit"], {"reason": "complete", "peers": 0, "of": 0})
        self.assertEqual(event["peer_limits"][0]["source"], "incoming")
        get.end()
        self.assertIn("user", [peer["source"] for peer in get.wait().of("peer")])

    def test_explain_choked(self):
        seed = self.seed("--up-limit", "0")
        get = self.start("get", "album.torrent", "--dir", "got", *self.peers(True), "--json", "--explain")
        event = self.limited(get, "down", "choked")
        self.assertEqual((event["down_limit"]["peers"], event["down_limit"]["of"]), (1, 1))
        self.limited(get, "up", "nothing_yet")
        self.limited(seed, "up", "own_limit")

    def test_explain_no_peers(self):
        get = self.start("get", "album.torrent", "--dir", "got", "--json", "--explain")
        self.assertEqual(self.limited(get, "down", "no_trackers")["peer_limits"], [])
        get.end()
        self.good("edit", "album.torrent", "--announce", f"http://127.0.0.1:{free_port()}/announce",
                  "--output", "t.torrent")
        get = self.start("get", "t.torrent", "--dir", "got", "--json")
        self.assertIn("efused", self.limited(get, "down", "tracker_failed")["down_limit"]["detail"])

    def test_explain_to_a_person(self):
        self.seed()
        get = self.start("get", "album.torrent", "--dir", "got", *self.peers(True), "--explain",
                         "--down-limit", "300KiB")
        time.sleep(3)
        done = get.end()
        self.assertRegex(done.err, r"(?m)^down [0-9.]+ KiB/s: our own limit")
        self.assertRegex(done.err, r"(?m)^up 0 B/s: nothing of ours is wanted \(1 of 1 peer\)$")
        self.assertRegex(done.err, rf"(?m)^127\.0\.0\.1:{self.port} +barter .* own_limit .* no_interest user$")

    def test_an_unrelated_file_survives(self):
        self.seed()
        self.write("got/album/big.bin", "mine")
        self.bad(1, ["big.bin", "--force"], "get", "album.torrent", "--dir", "got", *self.peers(True))
        self.assertEqual(self.read("got/album/big.bin"), b"mine")
        self.assertEqual(os.listdir(self.path("got/album")), ["big.bin"])
        self.assertEqual(self.get("--force").code, 0)
        self.assert_whole()

    def test_seed_for_a_while(self):
        self.seed()
        self.assertEqual(self.get("--seed=1s").code, 0)
        self.assertEqual(self.get("--seed=0.0", peer=False).code, 0)

    def test_two_gets_share_what_they_have(self):
        """--seed=2.0 ends when twice the size has gone up; here the only seed leaves early."""
        seed = self.seed("--up-limit", "1MB")
        ports = [free_port(), free_port()]
        gets = [self.start("get", "album.torrent", "--dir", f"got{i}", "--port", str(ports[i]), "--state-dir",
                           self.path(f"state{i}"), *self.peers(True), "--peer", f"127.0.0.1:{ports[1 - i]}",
                           "--seed=swarm", "--json") for i in range(2)]
        done = [get.wait(90) for get in gets]
        self.assertEqual([d.code for d in done], [0, 0])
        self.assertGreater(sum(d.result["uploaded"] for d in done), 0)
        self.assertLess(seed.end().result["uploaded"], 2 * SIZE)

    def test_listen_binds_both_ways(self):
        seed = self.seed("--listen", "127.0.0.2")
        with self.assertRaises(ConnectionRefusedError):
            socket.create_connection(("127.0.0.1", self.port), 5).close()
        done = self.barter("get", "album.torrent", "--dir", "got", "--peer", f"127.0.0.2:{self.port}",
                           "--listen", "127.0.0.3", "--json")
        self.assertEqual(done.code, 0, done.out)
        self.assert_whole()
        addresses = {peer["address"].rsplit(":", 1)[0] for peer in seed.end().of("peer")}
        self.assertEqual(addresses, {"127.0.0.3"})

    def test_listen_binds_what_trackers_hear(self):
        port = free_port()
        self.start("tracker", "--listen", f"127.0.0.1:{port}", "--json").wait_for("listening")
        self.good("edit", "album.torrent", "--announce", f"http://127.0.0.1:{port}/announce")
        self.seed("--listen", "127.0.0.2")
        done = self.get("--listen", "127.0.0.3", "--stall-timeout", "20s", "--json", peer=False)
        self.assertEqual(done.code, 0, done.out)
        self.assert_whole()
        self.assertIn(f"127.0.0.2:{self.port}", [peer["address"] for peer in done.of("peer") if peer["outgoing"]])

    def test_the_tracker_serves_udp_unless_told_not_to(self):
        def urls(*options):
            tracker = self.start("tracker", "--listen", "127.0.0.1:0", "--json", *options)
            listening = tracker.wait_for("listening")
            self.assertTrue(all(f":{listening['port']}/announce" in url for url in listening["announce"]))
            return [url.split(":")[0] for url in listening["announce"]]

        self.assertEqual(urls(), ["http", "udp"])
        self.assertEqual(urls("--udp"), ["http", "udp"])
        self.assertEqual(urls("--no-udp"), ["http"])
        self.bad(2, "--udp", "tracker", "--udp", "--no-udp")

    def test_listen_binds_what_fetches_the_torrent(self):
        asked, torrent = [], self.read("album.torrent")

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self):
                asked.append(self.client_address[0])
                self.send_response(200)
                self.end_headers()
                self.wfile.write(torrent)

            def log_message(self, *_arguments):
                pass

        url = self.serve(Handler) + "/album.torrent"
        self.seed()
        self.good("get", url, "--dir", "got", *self.peers(True), "--listen", "127.0.0.3")
        self.assertEqual(asked, ["127.0.0.3"])
        self.assert_whole()

    def test_listen_keeps_to_its_family(self):
        seed = self.seed()
        done = self.get("--listen", "::1", "--stall-timeout", "1s")
        self.assertEqual(done.code, 3, done.err)
        self.assertEqual(seed.end().of("peer"), [])

    def test_listen_on_what_cannot_be_bound(self):
        for command in ("get", "seed"):
            self.bad(1, "cannot listen on 192.0.2.1", command, "album.torrent", "--listen", "192.0.2.1")
        self.bad(1, "cannot listen on 192.0.2.1", "share", "album", "--listen", "192.0.2.1")
        for command in ("get", "seed", "share"):
            self.bad(2, "'here' is no IP address", command, "album.torrent", "--listen", "here")

    def test_share_listens_where_it_is_told(self):
        share = self.start("share", "album", "--listen", "127.0.0.2", "--port", str(self.port), "--json")
        urls = share.wait_for("listening")["urls"]
        self.assertRegex(urls[0], rf"^http://127\.0\.0\.2:{self.port}/[a-z0-9]+/album\.torrent$")
        (pinned,) = share.wait_for("shared")["urls"]
        self.assertRegex(pinned, f"^{urls[0]}#btih=[0-9a-f]{{40}}$")
        with self.assertRaises(ConnectionRefusedError):
            socket.create_connection(("127.0.0.1", self.port), 5).close()
        done = self.barter("get", urls[0], "--dir", "got", "--stall-timeout", "20s",
                           "--state-dir", self.path("get-state"))
        self.assertEqual(done.code, 0, done.err)
        self.assert_whole()

    def test_a_busy_port_is_an_error(self):
        self.seed()
        done = self.get("--port", str(self.port))
        self.assertEqual(done.code, 1)
        self.assertIn(str(self.port), done.err)

    def test_two_on_the_same_data(self):
        running = self.start("get", "album.torrent", "--dir", "got", "--json")
        running.wait_for("listening")
        self.assertEqual(self.get(peer=False).code, 1)

    def test_two_parts_of_the_same_data(self):
        seed = self.seed("--up-limit", "10KB")
        running = self.start("get", "album.torrent", "--dir", "got", "--select", "*.bin", *self.peers(True),
                             "--json")
        running.wait_for("progress")  # its files are there by then
        self.bad(1, ["another barter is writing in ", self.path("got/album")], "get", "album.torrent", "--dir", "got",
                 "--select", "*.txt", "--state-dir", self.path("elsewhere"))
        running.end()
        seed.end()

    def test_seed_names_what_is_missing_and_goes_on(self):
        self.write("other/x.bin", random.Random(2).randbytes(100_000))
        os.mkdir(self.path("torrents"))
        self.good("create", "other", "--output", "torrents")
        os.rename(self.path("album.torrent"), self.path("torrents/album.torrent"))
        self.write("torrents/junk.torrent", "junk")
        os.remove(self.path("other/x.bin"))
        running = self.start("seed", "torrents", "--dir", ".", "--port", str(self.port))
        self.good("get", "torrents/album.torrent", "--dir", "got", *self.peers(True))
        self.assert_whole()
        done = running.end()
        self.assertEqual(done.code, 0)
        self.assertIn("junk.torrent", done.err)
        self.assertIn("other", done.err)
        self.assertFalse(os.path.exists(self.path("other/x.bin")))

    def test_seed_with_nothing_to_do(self):
        os.mkdir(self.path("hollow"))
        self.bad(1, "no .torrent", "seed", "hollow")
        self.bad(1, "nothing.torrent", "seed", "nothing.torrent")

    def test_v2_only_is_refused_in_one_line(self):
        self.good("create", "album", "--v2", "--output", "v2.torrent")
        self.bad(1, "v2-only", "get", "v2.torrent", "--dir", "got")
        self.bad(1, "v2-only", "seed", "v2.torrent")

    def test_get_of_a_url_waits_for_the_hashing(self):
        self.seed()
        torrent, asked = self.read("album.torrent"), []

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self):
                asked.append(self.path)
                ready = len(asked) > 2
                body = torrent if ready else json.dumps(
                    {"state": "hashing", "bytes_done": 10 * len(asked), "bytes_total": 100}).encode()
                self.send_response(200 if ready else 503)
                if not ready:
                    self.send_header("Retry-After", "1")
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_arguments):
                pass

        url = self.serve(Handler) + "/album.torrent"
        done = self.good("get", url, "--dir", "got", *self.peers(True), "--json")
        self.assertEqual(asked, ["/album.torrent"] * 3)
        self.assertEqual(done.of("hashing")[0]["bytes_total"], 100)
        self.assert_whole()

    def test_interrupted_while_the_torrent_is_fetched(self):
        with socket.create_server(("127.0.0.1", 0)) as silent:
            url = f"http://127.0.0.1:{silent.getsockname()[1]}/album.torrent"
            for number, code in ((signal.SIGINT, 130), (signal.SIGTERM, 143)):
                for command in ("get", "verify", "show"):
                    running = self.start(command, url, "--json")
                    accepted, _ = silent.accept()
                    accepted.recv(1)  # it has asked, and waits for us
                    began = time.monotonic()
                    done = running.end(number)
                    self.assertLess(time.monotonic() - began, 2, command)
                    self.assertEqual(done.code, code, done.out)
                    self.assertIn("interrupted", done.of("error")[0]["message"])
                    accepted.close()

    def test_get_of_a_url_that_fails(self):
        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self):
                self.send_error(404)

            def log_message(self, *_arguments):
                pass

        self.bad(1, "404", "get", self.serve(Handler) + "/x.torrent")


if __name__ == "__main__":
    unittest.main()
