# SPDX-License-Identifier: Apache-2.0
"""The examples in a plain loop: their numbers are near theory's, which are those of the examples in Go."""

import builtins
import os
import sys

import pytest

import starburst

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, HERE)

import bootstrap  # noqa: E402
import features  # noqa: E402
import gridsearch  # noqa: E402
import montecarlo  # noqa: E402


def plain_map(f, *iterables):
    """map as a worker would run it: each task knows its index."""
    for index, args in enumerate(zip(*iterables)):
        starburst._current = starburst.Context(index=index)
        yield f(*args)


@pytest.mark.parametrize("example, n", [(montecarlo, 10_000), (bootstrap, 10_000), (features, 100), (gridsearch, 1_000)])
@pytest.mark.parametrize("seed", [42, 7])
def test_numbers_match_theory(example, n, seed):
    table = example.run(plain_map, n, seed)
    assert table.wrong() == [], f"\n{table}"


def test_an_unknown_feature_is_not_tried_again():
    with pytest.raises(starburst.PermanentError, match="x9"):
        gridsearch.accuracy(42, 100, ["x9"], 0.1, 0)


@pytest.mark.parametrize("name", ["montecarlo", "bootstrap", "features", "gridsearch"])
def test_each_fits_a_screen(name):
    with builtins.open(os.path.join(HERE, name + ".py")) as f:
        assert len(f.readlines()) <= 60
