"""simulate by its command line: its answer against arithmetic, its drawing, its errors. No network."""

import os
import pty
import re
import select
import signal
import subprocess
import time
import unittest
import xml.etree.ElementTree as ElementTree

from harness import BARTER, BarterTest

CROWD = ["simulate", "--peers", "8", "--size", "64MiB", "--seed-up", "20Mbit", "--up", "10Mbit",
         "--down", "40Mbit", "--delay", "40ms"]
# Takes minutes: what is to be interrupted.
LONG = ["simulate", "--peers", "2000", "--size", "10GB", "--up", "1Gbit"]
HEADERS = 1514 / 1448


class Simulate(BarterTest):
    def test_the_answer_fits_the_arithmetic(self):
        result = self.good(*CROWD, "--json").result
        self.assertEqual((result["peers"], result["seeds"], result["size"]), (8, 1, 64 << 20))
        self.assertEqual((result["seed_up"], result["up"], result["down"]), (2_500_000, 1_250_000, 5_000_000))
        self.assertEqual((result["delay_seconds"], result["connections"]), (0.04, 80))
        self.assertEqual(result["piece_length"], 64 << 10)  # about a thousand
        bytes_on_line = (64 << 20) * HEADERS
        # They begin within a tenth of a second.
        self.assertAlmostEqual(result["bound_seconds"], 8 * bytes_on_line / 12_500_000, delta=0.1)
        self.assertAlmostEqual(result["bound"]["seeds"], bytes_on_line / 2_500_000, 3)
        self.assertAlmostEqual(result["plain_seconds"], 8 * bytes_on_line / 2_500_000, 3)
        self.assertEqual(result["limited_by"], ["uplinks"])
        self.assertTrue(result["simulated"]["exact"])
        times = [result[f"{which}_seconds"] for which in ("first", "half", "p95", "last")]
        self.assertEqual(times, sorted(times))
        self.assertGreaterEqual(result["last_seconds"], result["bound_seconds"])
        self.assertAlmostEqual(result["efficiency"], result["bound_seconds"] / result["last_seconds"], 6)
        self.assertGreater(result["efficiency"], 0.8)
        self.assertGreaterEqual(result["copies_sent"], 1)
        self.assertEqual(len(result["runs"]), 1)

    def test_the_same_seed_is_the_same_run(self):
        first = self.good(*CROWD, "--json").result
        again = self.good(*CROWD, "--json").result
        other = self.good(*CROWD, "--json", "--random-seed", "2").result
        self.assertEqual(first["runs"], again["runs"])
        self.assertNotEqual(first["last_seconds"], other["last_seconds"])

    def test_the_median_of_several_runs_is_shown(self):
        result = self.good(*CROWD, "--json", "--runs", "5").result
        lasts = [run["last_seconds"] for run in result["runs"]]
        self.assertEqual(result["last_seconds"], sorted(lasts)[2])
        self.assertEqual(sorted(run["random_seed"] for run in result["runs"]), [1, 2, 3, 4, 5])

    def test_the_table(self):
        done = self.good(*CROWD, "--runs", "3")
        for words in ("8 peers (up 10 Mbit/s, down 40 Mbit/s) fetch 64.0 MiB from 1 seed (up 20 Mbit/s)",
                      "the first peer", "half of them", "95 %", "the last", "median run", "all uplinks together",
                      "3 min 45 s", "1024 pieces of 64.0 KiB, block by block"):
            self.assertIn(words, done.out)
        self.assertIn("100 % simulated, run 3 of 3\n", done.err)

    def test_large_ones_are_scaled_and_say_so(self):
        question = ["simulate", "--peers", "400", "--size", "100TB", "--up", "10Gbit", "--piece-length", "16MiB"]
        result = self.good(*question[:2], "4", *question[3:], "--connections", "3", "--json", seconds=250).result
        self.assertFalse(result["simulated"]["exact"])
        self.assertLessEqual(result["simulated"]["pieces"], 8192)
        self.assertEqual(result["limited_by"], ["seeds", "downlink"])
        self.assertAlmostEqual(result["bound_seconds"] / (1e14 * HEADERS / 1.25e9), 1, 3)

    def test_arrivals_and_leaving(self):
        result = self.good(*CROWD, "--arrivals", "10m", "--leave", "--json").result
        self.assertEqual((result["arrivals_seconds"], result["leave"]), (600, True))
        self.assertGreater(result["last_seconds"], 600 * 7 / 8)
        self.assertLess(result["mean_seconds"], 60)

    def test_the_drawing(self):
        result = self.good(*CROWD, "--runs", "3", "--svg", "crowd.svg", "--json").result
        self.assertEqual(result["svg"], "crowd.svg")
        root = ElementTree.parse(self.path("crowd.svg")).getroot()
        self.assertEqual(root.tag, "{http://www.w3.org/2000/svg}svg")
        self.assertEqual(len(root.findall("{*}polyline")), 3)
        words = [text.text for text in root.findall("{*}text")]
        self.assertTrue(any(re.fullmatch(r"bound 4[45]\.\d s", text) for text in words), words)
        before = self.read("crowd.svg")
        self.bad(1, ["crowd.svg", "--force"], *CROWD, "--svg", "crowd.svg")
        self.assertEqual(self.read("crowd.svg"), before)
        self.good(*CROWD, "--svg", "crowd.svg", "--force")
        self.assertNotEqual(self.read("crowd.svg"), before)
        self.bad(1, "nowhere", *CROWD, "--svg", "nowhere/x.svg")

    def test_usage(self):
        self.bad(2, "--peers", "simulate", "--size", "1GB", "--up", "1Gbit")
        self.bad(2, "--up", "simulate", "--size", "1GB", "--peers", "3")
        for flag, value in (("--peers", "10001"), ("--peers", "0"), ("--size", "none"), ("--size", "0"),
                            ("--up", "none"), ("--down", "0"), ("--seed-up", "1"), ("--size", "1Gbit"),
                            ("--piece-length", "1000"), ("--runs", "0"), ("--delay", "none"),
                            ("--arrivals", "none"), ("--connections", "0"), ("--seeds", "0")):
            question = CROWD + [flag, value]
            if flag in CROWD:
                question = list(CROWD)
                question[question.index(flag) + 1] = value
            self.bad(2, flag if value != "1Gbit" else "size", *question)
        self.bad(2, "--connections of at most 99", *LONG[:2], "10000", *LONG[3:], "--connections", "500")

    def test_an_interrupt_ends_it(self):
        for number in (signal.SIGINT, signal.SIGTERM):
            running = self.start(*LONG, "--json")
            running.wait_for("simulating")
            began = time.monotonic()
            done = running.end(number)
            self.assertLess(time.monotonic() - began, 5)
            self.assertEqual(done.code, 128 + number)
            self.assertEqual(done.of("error")[0]["code"], "cancelled")

    def test_a_terminal_sees_it_go_on(self):
        main, other = pty.openpty()
        self.addCleanup(os.close, main)
        process = subprocess.Popen([BARTER, *LONG], stdout=subprocess.DEVNULL, stderr=other, cwd=self.folder,
                                   env={**self.environment, "TERM": "xterm"})
        os.close(other)
        self.addCleanup(process.wait)
        self.addCleanup(process.kill)
        seen, end = b"", time.monotonic() + 30
        while seen.count(b"\r\x1b[K") < 3 and time.monotonic() < end:
            if select.select([main], [], [], 1)[0]:
                seen += os.read(main, 4096)
        self.assertIn(b"this takes about", seen)
        self.assertIn(b" % [", seen)
        self.assertIn(b"simulated", seen)


if __name__ == "__main__":
    unittest.main()
