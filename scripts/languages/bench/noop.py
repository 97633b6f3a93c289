# SPDX-License-Identifier: Apache-2.0
"""A handler that does nothing, to measure what is around it."""

import starburst


@starburst.task
def noop(x):
    return None


starburst.serve()
