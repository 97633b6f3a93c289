# SPDX-License-Identifier: Apache-2.0
"""Does a treatment work? 10,000 bootstrap samples of an experiment, a task a sample.

The data do not travel with the tasks: each worker makes them once (with real data: reads them) and keeps
them. So `effect_of` is a handler, which workers have, rather than a function that is sent.
"""

import functools
import math

import numpy as np

import common
import starburst

CONTROLS, TREATED = 100, 120
DATA_STREAM = 2**31  # no task has this index


@functools.lru_cache(maxsize=1)
def experiment(seed):
    """Outcomes of the controls, then of the treated: normal, with a true effect of 5."""
    rng = starburst.rng(seed, DATA_STREAM)
    return np.concatenate([rng.normal(50, 10, CONTROLS), rng.normal(55, 12, TREATED)])


def effect(control, treated):
    """The difference of the means, and Cohen's d: the same over the groups' pooled standard deviation."""
    difference = treated.mean() - control.mean()
    return difference, difference / math.sqrt((control.var(ddof=1) + treated.var(ddof=1)) / 2)


@starburst.task
def effect_of(seed):
    """The effect in one sample with replacement, from both groups together."""
    data = experiment(seed)
    rows = starburst.rng(seed).integers(len(data), size=len(data))
    return effect(data[rows[rows < CONTROLS]], data[rows[rows >= CONTROLS]])


def run(map, n, seed):
    differences, ds = np.array(list(map(effect_of, [seed] * n))).T
    control, treated = experiment(seed)[:CONTROLS], experiment(seed)[CONTROLS:]
    observed, d = effect(control, treated)
    se = math.hypot(control.std(ddof=1) / CONTROLS**0.5, treated.std(ddof=1) / TREATED**0.5)
    low, high = np.quantile(differences, [0.025, 0.975])
    table, scale = common.Table(), (10_000 / n) ** 0.5
    table.add("observed difference", observed, 5, 1.4832, 3)
    table.add("Cohen's d", d, 0.4527, 0.14, 3)
    table.add("mean of the samples", differences.mean(), observed, se / n**0.5, 3)
    table.add("standard error", differences.std(ddof=1), se, 0.0125 * se * scale, 4)
    table.add("95 % interval, lower end", low, observed - 1.96 * se, 0.05 * scale, 3)
    table.add("95 % interval, upper end", high, observed + 1.96 * se, 0.05 * scale, 3)
    table.add("share without effect (%)", 100 * (differences <= 0).mean(), 50 * math.erfc(observed / se / 2**0.5), 0.2 * scale)
    return table


if __name__ == "__main__":
    common.main("BOOTSTRAP: does the treatment work?", run, n=10_000)
