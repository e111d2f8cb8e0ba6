"""The completion scripts, by the shells themselves; zsh and fish where they are installed. No network."""

import os
import shutil
import subprocess
import unittest

from harness import BARTER, BarterTest


class Completion(BarterTest):
    def setUp(self):
        super().setUp()
        self.write("film.torrent", "")
        self.write("with space.torrent", "")
        self.write("film.mkv", "")
        self.write("folder/inside.torrent", "")
        self.environment["PATH"] = os.path.dirname(BARTER) + os.pathsep + self.environment["PATH"]
        self.environment["HOME"] = self.folder

    def script(self, shell):
        return self.write(f"barter.{shell}", self.good("completion", shell).out)

    def shell(self, *command):
        done = subprocess.run(command, cwd=self.folder, capture_output=True, text=True, timeout=60,
                              env=self.environment, stdin=subprocess.DEVNULL, check=False)
        self.assertEqual((done.returncode, done.stderr), (0, ""), command)
        return done.stdout.splitlines()

    def need(self, shell):
        if not shutil.which(shell):
            self.skipTest(f"{shell} is not installed")

    def test_usage(self):
        self.bad(2, "tcsh", "completion", "tcsh")
        self.bad(2, "SHELL", "completion")
        done = self.good("completion", "bash", "--json")
        self.assertEqual(done.result["shell"], "bash")
        self.assertEqual(done.result["script"], self.good("completion", "bash").out)

    def bash(self, *words):
        """What bash offers for the last of the words, each as readline parts them."""
        script = self.script("bash")
        code = ('source "$1"; shift; complete -p barter >/dev/null; COMP_WORDS=("$@"); '
                'COMP_CWORD=$(($# - 1)); _barter; ((${#COMPREPLY[@]} == 0)) || printf "%s\\n" "${COMPREPLY[@]}"')
        return sorted(self.shell("bash", "--norc", "-c", code, "bash", script, "barter", *words))

    def test_bash_offers_commands(self):
        self.shell("bash", "-n", self.script("bash"))
        self.assertEqual(self.bash("cr"), ["create"])
        self.assertIn("tracker", self.bash(""))
        self.assertEqual(self.bash("--v"), ["--version"])

    def test_bash_offers_options(self):
        self.assertEqual(self.bash("get", "--do"), ["--down-limit"])
        self.assertEqual(self.bash("create", "x", "--no-"), ["--no-created-by", "--no-date", "--no-hidden"])
        self.assertEqual(self.bash("get", "--port", ""), [])
        self.assertEqual(self.bash("nonsense", "--"), [])
        self.assertIn("--listen", self.bash("tracker", ""))
        self.assertEqual(self.bash("simulate", "--seed-"), ["--seed-down", "--seed-up"])

    def test_bash_offers_values(self):
        self.assertEqual(self.bash("show", ""), ["film.torrent", "folder", "with space.torrent"])
        self.assertEqual(self.bash("get", "--dir", ""), ["folder"])
        self.assertEqual(self.bash("get", "--dir", "=", "fo"), ["folder"])
        self.assertEqual(self.bash("get", "--on-complete", "film.m"), ["film.mkv"])
        self.assertEqual(self.bash("create", "film.m"), ["film.mkv"])
        self.assertEqual(self.bash("get", "--seed", "=", ""), ["forever", "swarm"])
        self.assertEqual(self.bash("get", "--seed", "="), ["forever", "swarm"])
        # Without a "=" it has no value: what follows is the torrent.
        self.assertEqual(self.bash("get", "--seed", "film.t"), ["film.torrent"])
        self.assertEqual(self.bash("completion", ""), ["bash", "fish", "zsh"])

    def test_zsh_reads_it(self):
        self.need("zsh")
        script = self.script("zsh")
        self.shell("zsh", "-f", "-n", script)
        code = 'autoload -U compinit; compinit -D; source "$1"; print -- $_comps[barter]'
        self.assertEqual(self.shell("zsh", "-f", "-c", code, "zsh", script), ["_barter"])

    def fish(self, line):
        """The words that fish offers for the line, without their descriptions."""
        code = 'source $argv[1]; complete -C $argv[2]'
        offered = self.shell("fish", "--no-config", "-c", code, self.script("fish"), line)
        return sorted(word.split("\t")[0] for word in offered)

    def test_fish_offers_words(self):
        self.need("fish")
        self.shell("fish", "-n", self.script("fish"))
        self.assertEqual(self.fish("barter cr"), ["create"])
        self.assertEqual(self.fish("barter get --do"), ["--down-limit"])
        self.assertEqual(self.fish("barter show "), ["film.torrent", "folder/", "with space.torrent"])
        self.assertEqual(self.fish("barter get --dir fo"), ["folder/"])
        self.assertEqual(self.fish("barter get --seed="), ["--seed=forever", "--seed=swarm"])
        self.assertEqual(self.fish("barter create film.m"), ["film.mkv"])
        self.assertEqual(self.fish("barter completion "), ["bash", "fish", "zsh"])


if __name__ == "__main__":
    unittest.main()
