# SPDX-License-Identifier: Apache-2.0
"""What the four examples share: flags, and a table of estimates beside what theory says they should be."""

import argparse
import sys
import time

import starburst


class Table:
    """Estimates with their targets; one beyond four standard errors is wrong (a right program has one in 16,000)."""

    def __init__(self):
        self.rows = []

    def add(self, name, estimate, target, standard_error, digits=2):
        self.rows.append((name, float(estimate), float(target), float(standard_error), digits))

    def wrong(self):
        return [name for name, estimate, target, se, _ in self.rows if not abs(estimate - target) <= 4 * se]

    def __str__(self):
        lines = [f"{'':34}{'estimate':>14}{'target':>14}{'± 1 s.e.':>12}{'s.e. away':>11}"]
        for name, estimate, target, se, digits in self.rows:
            lines.append(f"{name:34}{estimate:14,.{digits}f}{target:14,.{digits}f}{se:12,.{digits}f}{abs(estimate - target) / se:11.1f}")
        return "\n".join(lines)


def main(title, run, n):
    """Reads the flags, runs run(map, n, seed), which returns a Table, on workers, and prints it."""
    flags = argparse.ArgumentParser(description=title)
    flags.add_argument("-n", type=int, default=n, help="size of the run (default: %(default)s)")
    flags.add_argument("--seed", type=int, default=42, help="of all random numbers (default: %(default)s)")
    flags.add_argument("--workers", type=int, default=2, help="worker processes (default: %(default)s)")
    flags.add_argument("--report", metavar="FILE", help="write the last map's report: charts, workers, the bill; .html, .md or .svg")
    options = flags.parse_args()
    with starburst.Executor(workers=options.workers) as ex:
        started = time.monotonic()
        table = run(ex.map, options.n, options.seed)
        took = time.monotonic() - started
        if options.report:
            ex.report(options.report)
    print(f"{title} (seed {options.seed})\n{table}\n{took:.1f} s on {options.workers} workers\n")
    if table.wrong():
        sys.exit(f"more than four standard errors away: {', '.join(table.wrong())}")
