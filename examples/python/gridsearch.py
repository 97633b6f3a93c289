# SPDX-License-Identifier: Apache-2.0
"""Tunes a logistic regression: 16 configurations, cross-validated on the same 5 folds, a task a fold."""

import functools
import itertools

import numpy as np

import common
import starburst

FOLDS, STEPS, STEP = 5, 100, 0.01
PENALTIES = [0.001, 0.01, 0.1, 1]
FEATURES = [["x1", "x2", "x3", "x4"], ["x1", "x2", "x3"], ["x1", "x2"], ["x1", "x2", "x3", "x1*x2"]]
DATA_STREAM = 2**31  # no task has this index


@functools.lru_cache(maxsize=1)
def dataset(seed, rows):
    """Columns, classes, each row's fold, and the log odds that the classes come from, apart from noise."""
    rng = starburst.rng(seed, DATA_STREAM)
    x = dict(zip(["x1", "x2", "x3", "x4"], rng.normal(size=(4, rows))))
    x["x1*x2"] = x["x1"] * x["x2"]
    score = 0.5 * x["x1"] + 0.8 * x["x2"] - 0.3 * x["x3"] + 0.6 * x["x1*x2"]
    classes = rng.random(rows) < 1 / (1 + np.exp(-score - rng.normal(0, 0.5, rows)))
    return x, classes, rng.permutation(rows) % FOLDS, score


@starburst.task
def accuracy(seed, rows, features, penalty, fold):
    """Trains on all folds but one by gradient descent, and tests on that one."""
    columns, classes, folds, _ = dataset(seed, rows)
    if unknown := set(features) - columns.keys():
        raise starburst.PermanentError(f"unknown features: {unknown}")  # no further attempt can help
    x = np.column_stack([np.ones(rows)] + [columns[name] for name in features])
    train, test = folds != fold, folds == fold
    weights, penalties = np.zeros(x.shape[1]), penalty * (np.arange(x.shape[1]) > 0)
    for _ in range(STEPS):
        chance = 1 / (1 + np.exp(-x[train] @ weights))
        gradient = x[train].T @ (chance - classes[train]) / train.sum()
        weights -= STEP * (gradient + penalties * weights)
    return ((x[test] @ weights > 0) == classes[test]).mean()


def run(map, n, seed):
    grid = list(itertools.product([seed], [n], FEATURES, PENALTIES, range(FOLDS)))
    accuracies = np.array(list(map(accuracy, *zip(*grid)))).reshape(len(FEATURES), len(PENALTIES), FOLDS).mean(axis=2)
    _, classes, _, score = dataset(seed, n)
    table, scale = common.Table(), (1_000 / n) ** 0.5
    table.add("share of class 1 (%)", 100 * classes.mean(), 48.9, 1.6 * scale)
    table.add("best accuracy (%)", 100 * accuracies.max(), 67.3, 1.5 * scale)
    table.add("accuracy of the true rule (%)", 100 * ((score > 0) == classes).mean(), 67.3, 1.5 * scale)
    for (f, p), target in zip(np.ndindex(accuracies.shape), np.repeat([65.6, 65.7, 65.0, 67.1], len(PENALTIES))):
        table.add(f"{' '.join(FEATURES[f])}, λ {PENALTIES[p]:g} (%)", 100 * accuracies[f, p], target, 1.6 * scale)
    return table


if __name__ == "__main__":
    common.main("GRID SEARCH: 16 configurations × 5 folds", run, n=1_000)
