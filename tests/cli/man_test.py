"""The man page, by the programs that read it, where they are installed. No network."""

import os
import shutil
import subprocess
import unittest

PAGE = os.environ["BARTER_MAN"]


class Man(unittest.TestCase):
    def read_by(self, *command):
        """What the program prints of the page; it must complain of nothing."""
        if not shutil.which(command[0]):
            self.skipTest(f"{command[0]} is not installed")
        done = subprocess.run([*command, PAGE], capture_output=True, text=True, timeout=60, check=False,
                              env={**os.environ, "LC_ALL": "C.UTF-8", "MANWIDTH": "80"})
        self.assertEqual((done.returncode, done.stderr), (0, ""), done.stdout[-2000:])
        return done.stdout

    def test_it_is_made(self):
        with open(PAGE, encoding="utf-8") as file:
            text = file.read()
        self.assertIn(".SS barter get", text)
        self.assertNotIn("@", text)

    def test_mandoc_finds_nothing(self):
        self.assertEqual(self.read_by("mandoc", "-Tlint"), "")

    def test_groff_finds_nothing(self):
        self.assertIn("barter", self.read_by("groff", "-ww", "-man", "-Tutf8"))

    def test_man_shows_it(self):
        shown = self.read_by("man", "-l")
        for words in ("EXIT STATUS", "--stall-timeout TIME", "barter get TORRENT [OPTION]...", "barter simulate [OPTION]...", "--seed-up RATE", "--seed[=RATIO"):
            self.assertIn(words, shown)


if __name__ == "__main__":
    unittest.main()
