"""A table of samples written as CSV, piece by piece; whole or not at all.

No cell of it can be taken for a formula: numbers are numbers, and text that a file brought is made plain.
"""

import os
from pathlib import Path
from types import TracebackType
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray
from pyarrow import csv as arrow_csv

from brise.conventions.errors import StoreError

_FORMULA = ("=", "+", "-", "@", "\t", "\r")


def plain_text(text: str) -> str:
    """Text that no spreadsheet takes for a formula and no reader for two cells.

    >>> plain_text('=HYPERLINK("x")'), plain_text("Anna, Flow")
    ("'=HYPERLINK(x)", 'Anna Flow')
    """
    clean = "".join(c for c in text if c.isprintable() and c not in '",;\n\r')
    return f"'{clean}" if text.startswith(_FORMULA) else clean


class TableWriter:
    """Writes beside the file and puts it in its place at the end; what fails leaves nothing."""

    def __init__(self, path: Path, columns: list[str]) -> None:
        """Begin.

        Args:
            path: To be written.
            columns: Its headings, in order.

        Raises:
            StoreError: The folder cannot be written.
        """
        self.path = path
        self.columns = columns
        self._part = path.with_name(f".{path.name}.{os.getpid()}.part")
        try:
            self._file = self._part.open("wb")
        except OSError as error:
            raise StoreError(f"{path}: cannot be written: {error.strerror or error}") from None
        self._file.write((",".join(columns) + "\n").encode())

    def write(self, columns: dict[str, Any]) -> None:
        """Rows: headings -> (N,) numbers, text (plain already), or times as seconds; those absent are empty.

        Raises:
            StoreError: The disk is full.
        """
        n = len(next(iter(columns.values())))
        arrays = [_arrow(columns.get(name), n) for name in self.columns]
        options = arrow_csv.WriteOptions(include_header=False, quoting_style="none", batch_size=8192)
        try:
            arrow_csv.write_csv(pa.table(arrays, names=[f"c{i}" for i in range(len(arrays))]), self._file, options)
        except OSError as error:
            raise StoreError(f"{self.path}: cannot be written: {error.strerror or error}") from None

    def __enter__(self) -> "TableWriter":
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        """Put the file in its place, or remove what there is of it."""
        self._file.close()
        if kind is not None:
            self._part.unlink(missing_ok=True)
            return
        try:
            self._part.replace(self.path)
        except OSError as failure:
            self._part.unlink(missing_ok=True)
            raise StoreError(f"{self.path}: cannot be written: {failure.strerror or failure}") from None


def times_text(seconds: NDArray[np.int64]) -> pa.Array:
    """Times as 2026-05-01T10:00:00Z."""
    text = pc.cast(pa.array(seconds.astype("datetime64[s]")), pa.string())
    return pc.binary_join_element_wise(pc.binary_replace_slice(text, 10, 11, b"T"), "Z", "")


def _arrow(value: Any, n: int) -> pa.Array:
    if value is None:
        return pa.nulls(n, pa.string())
    if isinstance(value, (pa.Array, pa.ChunkedArray)):
        return value
    array = np.asarray(value)
    if array.dtype.kind == "f":
        unknown = np.isnan(array)
        if (unknown | (array == np.rint(array))).all():  # whole numbers are written in half the time
            return pa.array(np.where(unknown, 0, array).astype(np.int64), mask=unknown)
        return pa.array(array, from_pandas=True)
    return pa.array(array)
