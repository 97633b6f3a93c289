# SPDX-License-Identifier: Apache-2.0
"""Features of a million customers, 10,000 a task, reduced where the data are: each task returns sums, which
can be added up exactly, and counts of incomes, from which the median of all is found."""

import numpy as np

import common
import starburst

ROWS = 10_000  # of one chunk
AGES, INCOMES = [25, 40, 60], [30_000, 60_000, 100_000]  # upper bounds of the groups, inclusive
LOWEST, BIN, BINS = 6.0, 0.02, 500  # incomes are counted in bins 2 % wide, from e⁶


@starburst.task
def describe(seed):
    """Makes the customers of one chunk (with real data: reads them) and describes them."""
    rng = starburst.rng(seed)
    age, log_income = rng.integers(18, 81, ROWS), rng.normal(10.5, 0.8, ROWS)
    purchases, days = rng.poisson(3, ROWS), rng.exponential(30, ROWS)
    income = np.exp(log_income)
    score = -2 + 0.01 * age + 1e-5 * income + 0.3 * purchases - 0.02 * days
    likely = score + rng.normal(0, 0.5, ROWS) > np.log(0.6 / 0.4)
    engagement = 10 * purchases + 2 * np.maximum(0, 100 - days) + 0.5 * income / 1000
    ages, incomes = np.searchsorted(AGES, age), np.searchsorted(INCOMES, income)
    bins = np.clip(((log_income - LOWEST) / BIN).astype(int), 0, BINS - 1)
    return {
        "likely": int(likely.sum()), "age": int(age.sum()), "squares": float((engagement**2).sum()),
        "customers by age": np.bincount(ages, minlength=4), "engagement by age": np.bincount(ages, engagement, minlength=4),
        "customers by income": np.bincount(incomes, minlength=4), "incomes": np.bincount(bins, minlength=BINS),
    }


def run(map, n, seed):
    parts = list(map(describe, [seed] * n))
    total = {key: sum(np.asarray(part[key]) for part in parts) for key in parts[0]}
    rows, table = n * ROWS, common.Table()
    scale = (1_000_000 / rows) ** 0.5
    mean = total["engagement by age"].sum() / rows
    below = np.cumsum(total["incomes"])
    at = np.searchsorted(below, rows / 2)
    median = np.exp(LOWEST + BIN * (at + 1 - (below[at] - rows / 2) / total["incomes"][at]))
    table.add("likely purchasers", total["likely"], 0.131376 * rows, 338 / scale, 0)
    table.add("engagement, mean", mean, 197.146, 0.060 * scale, 3)
    table.add("engagement, standard deviation", (total["squares"] / rows - mean**2) ** 0.5, 60.0, 0.1 * scale, 3)
    table.add("income, median", median, 36_315.50, 46 * scale, 0)
    table.add("age, mean", total["age"] / rows, 49, 0.018 * scale, 3)
    for group, name, se in zip(range(4), ["18 to 25", "26 to 40", "41 to 60", "61 to 80"], [0.17, 0.12, 0.11, 0.11]):
        table.add(f"engagement at age {name}", total["engagement by age"][group] / total["customers by age"][group], 197.146, se * scale, 3)
    for group, share in enumerate([0.4057, 0.3289, 0.1625, 0.1029]):
        se = (share * (1 - share) / rows) ** 0.5
        table.add(f"share of income bracket {group + 1} (%)", 100 * total["customers by income"][group] / rows, 100 * share, 100 * se, 3)
    return table


if __name__ == "__main__":
    common.main("FEATURES: customers in chunks of 10,000", run, n=100)
