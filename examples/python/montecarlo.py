# SPDX-License-Identifier: Apache-2.0
"""A year of a portfolio, simulated 10,000 times, a task a year: the smallest example.

A task is a plain function and the index of its random stream. The answer depends on the
seed alone: not on the number of workers, nor on which of them runs what.
"""

import numpy as np

import common
import starburst

START, DAYS, MEAN, SD = 100_000, 252, 0.0003, 0.02  # daily returns are normal


def year(seed, index):
    """Final value, deepest fall from a peak, and Sharpe ratio of one year."""
    returns = starburst.rng(seed, index).normal(MEAN, SD, DAYS)
    values = START * np.cumprod(1 + returns)
    drawdown = (values / np.maximum.accumulate(values) - 1).min()
    return values[-1], drawdown, returns.mean() / returns.std(ddof=1) * DAYS**0.5


def run(map, n, seed):
    final, drawdown, sharpe = np.array(list(map(year, [seed] * n, range(n)))).T
    table, scale = common.Table(), (10_000 / n) ** 0.5
    table.add("final value, mean", final.mean(), START * (1 + MEAN) ** DAYS, 351 * scale, 0)
    table.add("final value, median", np.median(final), 102_551, 416 * scale, 0)
    table.add("final value, 5 % of years below", np.quantile(final, 0.05), 60_827, 407 * scale, 0)
    table.add("final value, 5 % of years above", np.quantile(final, 0.95), 172_896, 1_144 * scale, 0)
    table.add("final value, standard deviation", final.std(ddof=1), 35_108.44, 500 * scale, 0)
    table.add("return, mean (%)", 100 * (final.mean() / START - 1), 7.852, 0.351 * scale)
    table.add("deepest fall from a peak, mean (%)", 100 * drawdown.mean(), -29.710, 0.103 * scale)
    table.add("Sharpe ratio, mean", sharpe.mean(), 0.2388, 0.0101 * scale, 4)
    table.add("chance of a loss (%)", 100 * (final < START).mean(), 46.84, 0.50 * scale)
    table.add("chance to gain more than 20 % (%)", 100 * (final > 1.2 * START).mean(), 31.04, 0.46 * scale)
    return table


if __name__ == "__main__":
    common.main("MONTE CARLO: a year of a portfolio", run, n=10_000)
