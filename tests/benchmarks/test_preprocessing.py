"""The straight code of the benchmark gives what the chains give."""

import numpy as np
import pytest

from benchmarks import preprocessing


@pytest.mark.parametrize("case", preprocessing.CASES, ids=[case[0] for case in preprocessing.CASES])
def test_chain_and_straight_code_agree(case: tuple) -> None:  # type: ignore[type-arg]  # of the benchmark
    _, steps, layout, spec, rivals = case
    frame = preprocessing.make_frame()
    ours = preprocessing.make_chain(steps, layout, spec)(frame)
    for rival in rivals:
        theirs = rival(frame)
        assert (theirs.dtype, theirs.shape) == (ours.dtype, ours.shape)
        # Floats may differ in their last bits, and then a value on the edge of two steps by one.
        limit = 1 if ours.dtype == np.int8 else 1e-5
        difference = np.abs(theirs.astype(np.float64) - ours)
        assert difference.max() <= limit
        assert (difference > 1e-5).mean() < 0.01
