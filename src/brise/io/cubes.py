"""Published runs and the history of analyses: written whole, then made visible at once.

    ROOT/PRODUCT/DOMAIN/current                      the name of the visible run; replaced in one step
    ROOT/PRODUCT/DOMAIN/runs/INIT-SERIAL/            meta.json, cube.zarr and point-major arrays *.npy
    ROOT/PRODUCT/DOMAIN/analyses/DAY.GRID.zarr.zip   one UTC day on one grid; replaced in one step

Whoever writes holds the domain's lock, which the kernel frees when a process dies. So a name that begins with a dot and
is found under the lock is what a killed writer left behind, and goes.
"""

import fcntl
import os
import re
import shutil
import time
import uuid
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import orjson
import xarray as xr
from numpy.typing import NDArray

from brise.conventions.cubes import check_cube
from brise.conventions.errors import InputError, StoreError
from brise.conventions.grids import Grid
from brise.io.schema import epoch

_POINTER = "current"
_ARRAYS_KEPT = 2  # the visible run's and the one before, for readers that still hold it
TILE = 128
"""Cells along a side of a chunk."""


@dataclass(frozen=True, slots=True)
class Run:
    """A published run, open for reading.

    Attributes:
        name: INIT-SERIAL: changes with every publication.
        meta: What meta.json says.
        grid: The domain.
        arrays: Name -> array, cell first, memory-mapped; it stays readable when the run is pruned.
        path: Its folder.
    """

    name: str
    meta: dict[str, Any]
    grid: Grid
    arrays: dict[str, NDArray[Any]]
    path: Path


@dataclass(frozen=True, slots=True)
class Past:
    """A run that is kept for verification.

    Attributes:
        init_time: UTC.
        cube: Its cube, for `open_cube`.
    """

    init_time: datetime
    cube: Path


def publish(
    root: Path, product: str, grid: Grid, arrays: Mapping[str, NDArray[Any]], meta: Mapping[str, Any], cube: xr.Dataset
) -> Path:
    """Write a run and make it the visible one; a reader sees the old run or the new one, never a part.

    Args:
        root: Folder of all products.
        product: Its name.
        grid: The domain; its name is the domain's.
        arrays: Name -> array, cell first (flat row-major cell index of `grid`).
        meta: To be meta.json, with `init_time` as ISO text; product, domain and grid are filled in.
        cube: The forecast as a CF cube.

    Returns:
        The run's folder.

    Raises:
        ConventionError: The cube breaks its contract.
        InputError: A name cannot name a folder, or an array has other cells than the grid.
        StoreError: The disk is full or fails; the old run stays visible.
    """
    check_cube(cube)
    for name, array in arrays.items():
        if len(array) != grid.cells:
            raise InputError(f"publish {product}/{grid.name}: {name} has {len(array)} cells, the grid {grid.cells}")
    init_time = datetime.fromtimestamp(epoch(datetime.fromisoformat(str(meta["init_time"]))), UTC)
    facts = {**meta, "product": product, "domain": grid.name, "grid": asdict(grid)}
    folder = domain_folder(root, product, grid.name)
    with writing(folder):
        name = f"{init_time:%Y%m%dT%H%M%SZ}-{time.time_ns():019d}"
        draft = folder / f".{name}"
        draft.mkdir()
        for array_name, array in arrays.items():
            _write_array(draft / f"{array_name}.npy", np.ascontiguousarray(array))
        write_cube(cube, draft / "cube.zarr")
        (draft / "meta.json").write_bytes(orjson.dumps(facts))
        _to_disk(draft)
        run = folder / "runs" / name
        run.parent.mkdir(exist_ok=True)
        draft.rename(run)
        _to_disk(run.parent, deep=False)
        replace_file(folder / _POINTER, name.encode())
    return run


def _write_array(path: Path, array: NDArray[Any]) -> None:
    """As np.save, whose error on a full disk does not say so."""
    with path.open("wb") as file:
        np.lib.format.write_array_header_1_0(file, np.lib.format.header_data_from_array_1_0(array))
        file.write(array.data)


def current(root: Path, product: str) -> dict[str, Run]:
    """The visible run of every domain; opened once, and again when another one was published.

    Args:
        root: Folder of all products.
        product: Its name.

    Returns:
        Domain -> run.

    Raises:
        StoreError: A run cannot be read.
    """
    base = root / _folder_name(product)
    try:
        domains = sorted(entry.name for entry in os.scandir(base))
    except FileNotFoundError:
        return {}
    found = {domain: _current(base / domain) for domain in domains}
    return {domain: run for domain, run in found.items() if run is not None}


_OPEN: dict[Path, tuple[tuple[int, int], Run]] = {}  # folder -> which pointer it was opened by, the run


def _current(folder: Path) -> Run | None:
    for attempt in range(3):
        try:
            status = (folder / _POINTER).stat()
        except (FileNotFoundError, NotADirectoryError):
            return None
        stamp = (status.st_ino, status.st_mtime_ns)
        held = _OPEN.get(folder)
        if held is not None and held[0] == stamp:
            return held[1]
        try:
            run = _open_run(folder / "runs" / (folder / _POINTER).read_text())
        except FileNotFoundError as error:  # replaced and pruned since we looked: look again
            if attempt == 2:
                raise StoreError(f"run {folder}: cannot be read: {error}") from error
            continue
        except (OSError, ValueError) as error:
            raise StoreError(f"run {folder}: cannot be read: {error}") from error
        _OPEN[folder] = (stamp, run)
        return run
    return None


def _open_run(path: Path) -> Run:
    meta = orjson.loads((path / "meta.json").read_bytes())
    arrays = {file.stem: np.load(file, mmap_mode="r", allow_pickle=False) for file in sorted(path.glob("*.npy"))}
    return Run(path.name, meta, Grid(**meta["grid"]), arrays, path)


def history(root: Path, product: str, domain: str) -> list[Past]:
    """The runs whose cubes are kept, by init_time; of several for one time, the last published."""
    latest = {name.partition("-")[0]: path for name, path in _runs(domain_folder(root, product, domain)).items()}
    return [
        Past(datetime.strptime(stamp, "%Y%m%dT%H%M%SZ").replace(tzinfo=UTC), path / "cube.zarr")
        for stamp, path in latest.items()
    ]


def _runs(folder: Path) -> dict[str, Path]:
    """Name -> folder, by init_time, then by when published."""
    return {path.name: path for path in sorted((folder / "runs").glob("*-*"))}


def prune(root: Path, product: str, before: datetime, analyses_before: datetime | None = None, every_h: int = 1) -> int:
    """Delete what is no longer needed, of every domain.

    Runs from before `before` go, and of several runs for one init_time all but the last, and those whose hour of the
    day (UTC) is no multiple of `every_h`. Runs that are kept for their cubes lose their point-major arrays. The visible
    run and the one before it stay whole. Days of analyses, the product's memory, go only when they are from before
    `analyses_before`; None keeps all.

    Returns:
        Runs and days deleted.

    Raises:
        StoreError: The disk fails.
    """
    base = root / _folder_name(product)
    domains = sorted(path for path in base.glob("*") if path.is_dir())
    kept_from = "" if analyses_before is None else f"{analyses_before.astimezone(UTC):%Y-%m-%d}"
    return sum(_prune_domain(folder, before.astimezone(UTC), kept_from, every_h) for folder in domains)


def _prune_domain(folder: Path, before: datetime, kept_from: str, every_h: int) -> int:
    with writing(folder):
        runs = _runs(folder)
        visible = (folder / _POINTER).read_text() if (folder / _POINTER).exists() else ""
        by_age = sorted(runs, key=lambda name: name.partition("-")[2], reverse=True)
        whole = {visible, *[name for name in by_age if name != visible][: _ARRAYS_KEPT - 1]}
        last = {name.partition("-")[0]: name for name in runs}
        oldest = f"{before:%Y%m%dT%H%M%SZ}"
        kept = {name for name in last.values() if name >= oldest and int(name[9:11]) % every_h == 0}
        gone = [name for name in runs if name not in whole | kept]
        for name in gone:
            hidden = runs[name].rename(folder / f".{name}")
            shutil.rmtree(hidden)
        for name in set(runs) - whole - set(gone):
            for array in runs[name].glob("*.npy"):
                array.unlink()
        days = [day for day in (folder / "analyses").glob("*.zarr.zip") if day.name < kept_from]
        for day in days:
            day.unlink()
    return len(gone) + len(days)


def open_cube(path: Path) -> xr.Dataset:
    """Open a kept cube; values are read when they are used.

    Raises:
        StoreError: It is not there any more, or cannot be read.
    """
    try:
        cube: xr.Dataset = xr.open_zarr(path, consolidated=False, chunks=None)
    except (OSError, ValueError) as error:
        raise StoreError(f"cube {path}: cannot be read: {error}") from error
    return cube


def write_cube(cube: xr.Dataset, path: Path, tile: int = TILE) -> None:
    """Write a cube as Zarr 3 in tiles that hold all times of their cells.

    Metadata is not consolidated: Zarr 3 has no standard for that yet, and a cube has few arrays.
    """
    bare = cube.drop_encoding()
    encoding = {
        name: {"chunks": tuple(_side(str(dim), size, tile) for dim, size in array.sizes.items())}
        for name, array in bare.data_vars.items()
        if array.ndim
    }
    bare.to_zarr(path, mode="w-", zarr_format=3, consolidated=False, encoding=encoding)


def _side(dimension: str, size: int, tile: int) -> int:
    return min(size, tile) if dimension in ("latitude", "longitude", "y", "x") else size


def domain_folder(root: Path, product: str, domain: str) -> Path:
    """Where a domain of a product lives.

    Raises:
        InputError: A name cannot name a folder.
    """
    return root / _folder_name(product) / _folder_name(domain)


def _folder_name(name: str) -> str:
    if not re.fullmatch(r"\w[\w.-]*", name):
        raise InputError(f"{name!r} cannot name a folder: letters, digits, '_', '-' and '.' can")
    return name


@contextmanager
def writing(folder: Path) -> Iterator[None]:
    """Hold a domain's lock and clear away what killed writers left, and what we leave on failure.

    Raises:
        StoreError: The disk is full or fails.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with (folder / ".lock").open("a") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            _clear(folder)
            try:
                yield
            finally:
                _clear(folder)
    except OSError as error:
        raise StoreError(f"product {folder}: cannot be written: {error}") from error


def _clear(folder: Path) -> None:
    for leftover in folder.glob(".*"):
        if leftover.is_dir():
            shutil.rmtree(leftover, ignore_errors=True)
        elif leftover.name != ".lock":
            leftover.unlink(missing_ok=True)


def replace_file(path: Path, content: bytes | None = None, draft: Path | None = None) -> None:
    """Make a file hold new content, or be `draft`, in one step that lasts; call it under the domain's lock."""
    fresh = draft or path.parent / f".{path.name}-{uuid.uuid4().hex}"
    if content is not None:
        fresh.write_bytes(content)
    _to_disk(fresh)
    fresh.replace(path)
    _to_disk(path.parent, deep=False)


def _to_disk(path: Path, *, deep: bool = True) -> None:
    """Wait until a file or a folder, with all that is in it, would survive a power cut."""
    if deep and path.is_dir():
        for inner in path.iterdir():
            _to_disk(inner)
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
