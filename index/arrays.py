"""The arrays that travel between modules."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float32]
"""Vectors or scores."""
Rows = npt.NDArray[np.int64]
"""Numbers of passages."""
