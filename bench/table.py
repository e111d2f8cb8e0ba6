"""What the benchmarks share: undisturbed runs, tables of medians, results as JSON."""

import json
import statistics
import sys

import measure


class Column:
    """One figure of a run: where it is found, how it is printed, and whether its spread is."""

    def __init__(self, heading, key, form="{:.2f}", scale=1, spread=False):
        self.heading, self.key, self.form, self.scale, self.spread = heading, key, form, scale, spread

    def cell(self, runs):
        values = [run[self.key] * self.scale for run in runs if run.get(self.key) is not None]
        if not values:
            return "-"
        text = self.form.format(statistics.median(values))
        if self.spread and len(values) > 1:
            text += f" ({self.form.format(min(values))}-{self.form.format(max(values))})"
        return text


def median(runs, key):
    return statistics.median(run[key] for run in runs)


def print_rows(lines):
    widths = [max(len(line[column]) for line in lines) for column in range(len(lines[0]))]
    for line in lines:
        print("  ".join(cell.ljust(width) if column == 0 else cell.rjust(width)
                        for column, (cell, width) in enumerate(zip(line, widths))).rstrip())


def print_table(corner, columns, results):
    """results: name of the row -> its runs. Columns that no run fills are left out."""
    columns = [column for column in columns
               if any(run.get(column.key) is not None for runs in results.values() for run in runs)]
    print_rows([[corner] + [column.heading for column in columns]]
               + [[name] + [column.cell(runs) for column in columns] for name, runs in results.items()])


def undisturbed(run, what, limit):
    """What run() measured while nobody disturbed it. Disturbed runs are told, and done again once the
    machine is quiet: six times at most, five minutes each.

    run() returns figures with `wall` and `foreign`, the part of a core that others used; `limit` is in
    per cent of a core. The kernel counts in ticks: 40 ms are no disturbance, however short the run."""
    for _ in range(6):
        figures = run()
        if figures["foreign"] * figures["wall"] <= max(limit / 100 * figures["wall"], 0.04):
            return figures
        print(f"thrown away: {what}, {figures['wall']:.2f} s: others used {figures['foreign'] * 100:.0f} % "
              "of a core", file=sys.stderr)
        if not measure.calm(limit / 100, 300):
            break
    sys.exit("others use too much of this machine for any measurement (--foreign)")


def write_json(path, **fields):
    if path:
        with open(path, "w", encoding="utf-8") as file:
            json.dump(fields, file, indent=1)
            file.write("\n")
