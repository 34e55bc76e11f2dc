"""`brise challenge88`: the submission to ENS challenge 88 (rain of the next 48 minutes), from its own files.

One NumPy archive a sample: `data` (4, 128, 128) mm/h, six minutes apart, oldest first, NaN missing; `target_ids` (8,),
one for each of the next eight steps. The answer is the mean of the central 2 x 2 pixels.
"""

import csv
import io
import logging
import os
import zipfile
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from brise.conventions.errors import InputError, NotFoundError, StoreError
from brise.formulas.compiled import Array32
from brise.models.rain_extrapolation import centre

log = logging.getLogger("brise.rain")

Centre = Callable[[Array32, float], Array32]
"""(N, 4, 128, 128) mm/h and the step in minutes -> (N, 8) mm/h."""

Sample = tuple[Path, Array32, list[str]]
Batch = tuple[list[Path], Array32, list[list[str]]]

STEP_MINUTES = 6.0
SHAPE = (4, 128, 128)
LEADS = 8
MOST_RAIN = 2000.0
"""mm/h; the record over a minute is 1,870 (Barot, Guadeloupe, 1970), so more is another unit or a code for missing."""

_BATCH = 256
_MOST_BYTES = 1 << 20  # of one array, unpacked; double precision needs half of it
_TOLD = 20  # bad files named in full
_UNREADABLE = (  # what zipfile, zlib and numpy raise on a file that is no sample
    zipfile.BadZipFile,
    zlib.error,
    ValueError,
    KeyError,
    EOFError,
    OSError,
    MemoryError,
    RuntimeError,  # zipfile: an encrypted member, or a compression that it does not know
)


def challenge88(folder: Path, out: Path, predict: Centre = centre) -> int:
    """Answer every sample of a folder.

    The folder's `x/*.npz` are read, or its `*.npz` where it has no `x`, in the order of their names, some hundred at a
    time. The file is written whole once every sample has been read, or not at all.

    Args:
        folder: The challenge's folder.
        out: CSV with columns ID, TARGET (mm/h); replaced.
        predict: The nowcaster's answer for the middle.

    Returns:
        Samples answered.

    Raises:
        NotFoundError: There is no such folder.
        InputError: No sample, or bad ones: each named (the first twenty) with what is wrong with it.
        StoreError: The file cannot be written.
    """
    paths = sample_paths(folder)
    draft = out.with_name(f".{out.name}.{os.getpid()}")
    try:
        with draft.open("w", newline="", encoding="ascii") as file:
            _answer(paths, csv.writer(file, lineterminator="\n"), predict)
            file.flush()
            os.fsync(file.fileno())
        draft.replace(out)
    except OSError as error:
        raise StoreError(f"{out}: cannot be written: {error.strerror}") from None
    finally:
        draft.unlink(missing_ok=True)
    return len(paths)


def sample_paths(folder: Path) -> list[Path]:
    """The samples in the order of their names.

    Raises:
        NotFoundError: There is no such folder.
        InputError: It holds no sample.
    """
    if not folder.is_dir():
        raise NotFoundError(f"{folder}: no such folder")
    inner = folder / "x" if (folder / "x").is_dir() else folder
    paths = sorted(inner.glob("*.npz"))
    if not paths:
        raise InputError(f"{inner}: no .npz files in it")
    return paths


def read_sample(path: Path) -> tuple[Array32, list[str]]:
    """Rates (4, 128, 128) mm/h and the 8 ids.

    Raises:
        InputError: What is wrong with the file.
    """
    try:
        with zipfile.ZipFile(path) as archive:
            data, ids = _array(archive, "data"), _array(archive, "target_ids")
    except _UNREADABLE as error:
        raise InputError(f"{path.name}: {_reason(error)}") from None
    if data.shape != SHAPE or data.dtype.kind not in "fiu":
        raise InputError(f"{path.name}: data is {data.dtype} {data.shape}, expected numbers {SHAPE}")
    if ids.shape != (LEADS,) or ids.dtype.kind not in "iuU":
        raise InputError(f"{path.name}: target_ids is {ids.dtype} {ids.shape}, expected ids ({LEADS},)")
    least, most = np.nanmin(data, initial=0.0), np.nanmax(data, initial=0.0)
    if least < 0.0 or most > MOST_RAIN:
        raise InputError(
            f"{path.name}: data spans {least:g} to {most:g} mm/h, allowed 0 to {MOST_RAIN:g} (NaN missing)"
        )
    return data.astype(np.float32), [str(one) for one in ids.tolist()]


def _array(archive: zipfile.ZipFile, name: str) -> NDArray[np.generic]:
    with archive.open(f"{name}.npy") as member:
        payload = member.read(_MOST_BYTES + 1)
    if len(payload) > _MOST_BYTES:
        raise ValueError(f"{name} is larger than {_MOST_BYTES} bytes")
    return np.asarray(np.lib.format.read_array(io.BytesIO(payload), allow_pickle=False))


def _reason(error: BaseException) -> str:
    if isinstance(error, zipfile.BadZipFile):
        return "not a NumPy archive, or damaged"
    if isinstance(error, KeyError):
        return f"{error.args[0]}, expected data and target_ids"
    return str(error) or type(error).__name__


def _batches(paths: list[Path]) -> Iterator[Batch]:
    """Samples in batches; reads on after a bad one, so that all are named.

    Raises:
        InputError: Once all have been read, what was wrong.
    """
    bad: list[str] = []
    seen: dict[str, int] = {}
    kept: list[Sample] = []
    for position, path in enumerate(paths):
        try:
            rain, ids = read_sample(path)
        except InputError as error:
            bad.append(str(error))
            continue
        twice = next((one for at, one in enumerate(ids) if one in seen or one in ids[:at]), None)
        if twice is not None:
            bad.append(f"{path.name}: id {twice} is already in {paths[seen.get(twice, position)].name}")
            continue
        seen.update(dict.fromkeys(ids, position))
        if bad:
            continue
        kept.append((path, rain, ids))
        if len(kept) == _BATCH:
            yield _together(kept)
            kept = []
    if bad:
        more = f"; and {len(bad) - _TOLD} more" if len(bad) > _TOLD else ""
        raise InputError(f"{len(bad)} of {len(paths)} files refused, nothing written: {'; '.join(bad[:_TOLD])}{more}")
    if kept:
        yield _together(kept)


def _together(kept: list[Sample]) -> Batch:
    return [row[0] for row in kept], np.stack([row[1] for row in kept]), [row[2] for row in kept]


def _answer(paths: list[Path], table: Any, predict: Centre) -> None:
    table.writerow(["ID", "TARGET"])
    for names, rain, ids in _batches(paths):
        told = predict(rain, STEP_MINUTES)
        for path, row, row_ids in zip(names, told, ids, strict=True):
            if not np.isfinite(row).all():
                log.warning("%s: nothing known in it; answered as dry", path.name)
            table.writerows([one, f"{rate:.6g}"] for one, rate in zip(row_ids, np.nan_to_num(row), strict=True))
