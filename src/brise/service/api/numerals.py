"""Rows of numbers as JSON text, looked up in a table instead of formatted one by one.

A number is a position in the table, where its text stands in eight bytes: a comma, the digits and filling, which is
dropped from the whole text at the end. The 1,700 numbers of a forecast take a third of the time of formatting them.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache

import numpy as np
from numpy.typing import NDArray

LOWEST, HIGHEST = -999, 99_999
"""Tenths in the table. Nothing that we show is lower; what is higher is formatted."""

CODES = 32
"""Codes in the table: positions of bands and pollutants, from 0."""

_WIDTH, _FILL, _ROW, _HIGHER = 8, b"\0", b"\n", b"~"
_DECIMALS_FROM = 1 + CODES  # after unknown and the codes


@cache
def _table() -> NDArray[np.uint64]:
    codes = [",null", *(f",{code}" for code in range(CODES))]
    decimals = [",null", *(f",{tenths / 10:.1f}" for tenths in range(LOWEST, HIGHEST + 1)), f",{_HIGHER.decode()}"]
    return np.frombuffer(b"".join(text.encode().ljust(_WIDTH, _FILL) for text in codes + decimals), np.uint64)


@dataclass(frozen=True, slots=True)
class Form:
    """How the rows are to be written; all (R, 1).

    Attributes:
        scale: From values to the table's steps.
        unknown: The step that says unknown.
        shift: From steps to positions.
    """

    scale: NDArray[np.float32]
    unknown: NDArray[np.float32]
    shift: NDArray[np.float32]


def form(coded: Sequence[bool]) -> Form:
    """The form of rows that hold codes (True) or numbers of one decimal (False)."""
    codes = np.array(coded, bool)[:, None]
    unknown = np.where(codes, -1, LOWEST - 1)
    shift = np.where(codes, 0, _DECIMALS_FROM) - unknown
    return Form(np.where(codes, 1, 10).astype(np.float32), unknown.astype(np.float32), shift.astype(np.float32))


def rows(blocks: Sequence[NDArray[np.float32]], form: Form) -> list[bytes]:
    """The JSON of each row's numbers, without brackets; NaN becomes null.

    Args:
        blocks: (…, H) each, together R rows.
        form: Of the rows.

    >>> rows([np.array([[1.25, np.nan], [3, 0]], np.float32)], form([False, True]))
    [b'1.2,null', b'3,0']
    """
    steps = np.concatenate([block.reshape(-1, block.shape[-1]) for block in blocks])
    np.multiply(steps, form.scale, out=steps)
    np.rint(steps, out=steps)
    np.fmax(steps, form.unknown, out=steps)  # drops NaN
    np.add(steps, form.shift, out=steps)
    table = _table()
    padded = table.take(steps.astype(np.intp), mode="clip")
    padded.view(np.uint8)[:, 0] = _ROW[0]  # in place of the row's first comma
    text = padded.tobytes().translate(None, _FILL)
    if _HIGHER in text:
        text = _with_higher(text, steps[steps >= len(table) - 1])
    return text.split(_ROW)[1:]


def _with_higher(text: bytes, positions: NDArray[np.float32]) -> bytes:
    first = _DECIMALS_FROM + 1 - LOWEST
    for position in positions.tolist():
        text = text.replace(_HIGHER, f"{(position - first) / 10:.1f}".encode(), 1)
    return text
