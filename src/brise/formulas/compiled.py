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
    return _made(function, inline=False)


def inlined(function: Function) -> Function:
    """As `compiled`, and put into its callers: for inner loops, where a call costs as much as its work."""
    return _made(function, inline=True)


def _made(function: Function, inline: bool) -> Function:
    try:
        made: Function = njit(cache=True, nogil=True, fastmath=_FLAGS, forceinline=inline)(function)
    except RuntimeError:  # no folder for the cache can be written: compile in every process
        made = njit(nogil=True, fastmath=_FLAGS, forceinline=inline)(function)
    return made
