"""Loops that numba compiles: one decorator, with the flags the rain kernels need."""

from collections.abc import Callable
from typing import TypeAlias, TypeVar

import numpy as np
from numba import njit
from numpy.typing import NDArray

Array32: TypeAlias = NDArray[np.float32]
Function = TypeVar("Function", bound=Callable[..., object])

_FLAGS = {"contract", "reassoc", "nsz", "arcp", "afn"}  # not "nnan": NaN means missing and must stay NaN


def compiled(function: Function) -> Function:
    """The function as machine code, kept between processes where a cache can be written; it releases the GIL."""
    try:
        made: Function = njit(cache=True, nogil=True, fastmath=_FLAGS)(function)
    except RuntimeError:  # no folder for the cache can be written: compile in every process
        made = njit(nogil=True, fastmath=_FLAGS)(function)
    return made
