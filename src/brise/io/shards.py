"""Training data of any size: a folder of shards written independently, and a reader that streams them.

A shard is an Arrow IPC file (feather v2) with one row a sample and one column an array, fixed-shape tensors that any
Arrow library reads; uncompressed, because that is what reads at the disk's own rate (docs/decisions/0006-training.md).
Beside it lies NAME.json with its hash; a shard counts once that is there. index.json lists them all.
"""

import hashlib
import json
import os
import uuid
from collections.abc import Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.ipc
from numpy.typing import NDArray

from brise.conventions.errors import BriseError, ConventionError, InputError, NotFoundError, StoreError

Arrays = dict[str, NDArray[Any]]
Bytes = NDArray[np.uint8]

_arrow: Any = pa  # it has no type stubs
_SUFFIX = ".arrow"
_BLOCK = 1 << 22


@dataclass(frozen=True, slots=True)
class Shard:
    """One file of samples.

    Attributes:
        name: Without its suffix; decides the order, so it must not depend on who wrote it or when.
        samples: How many.
        bytes: Size of the file.
        sha256: Of the file.
        made_from: What it was made from, as its maker calls it; another value is another shard.
        fields: name -> (dtype, shape of one sample).
    """

    name: str
    samples: int
    bytes: int
    sha256: str
    made_from: str
    fields: dict[str, tuple[str, tuple[int, ...]]]


@dataclass(frozen=True, slots=True)
class Reading:
    """How to read.

    Attributes:
        batch: Samples a batch.
        shuffle: Shards in random order and samples mixed among `together` shards; else as they lie.
        together: Shards that are in memory and mixed at a time; as many are read ahead.
        seed: Of the order.
        lanes: Independent streams that batches come from in turn: the batches of a training step, so that each process
            reads only its own lanes' shards.
    """

    batch: int
    shuffle: bool = True
    together: int = 4
    seed: int = 0
    lanes: int = 1


def write_shard(folder: Path, name: str, arrays: Mapping[str, NDArray[Any]], made_from: str = "") -> Shard:
    """Write one, whole and then visible, in place of any other of that name.

    Args:
        folder: Made if absent.
        name: Of the shard.
        arrays: name -> (N, ...), N samples in each; numbers.
        made_from: Kept with it, see `finished`.

    Raises:
        InputError: No array, no sample, different N, or no numbers.
        StoreError: The disk refuses.
    """
    sizes = {len(values) for values in arrays.values()}
    if len(sizes) != 1 or 0 in sizes:
        raise InputError(f"shard {name}: arrays of {sorted(sizes)} samples, expected one number above 0")
    columns = {key: _column(name, key, values) for key, values in arrays.items()}
    table = _arrow.table(columns)
    path = folder / f"{name}{_SUFFIX}"
    fields = {key: (values.dtype.str, tuple(values.shape[1:])) for key, values in arrays.items()}
    try:
        folder.mkdir(parents=True, exist_ok=True)
        part = _part(path)
        with part.open("wb") as file:
            with _arrow.ipc.new_file(file, table.schema) as writer:
                writer.write_table(table)
            file.flush()
            os.fsync(file.fileno())
        shard = Shard(name, sizes.pop(), part.stat().st_size, _hash(part), made_from, fields)
        part.replace(path)
        write_whole(folder / f"{name}.json", json.dumps(asdict(shard)).encode())
    except OSError as error:
        raise StoreError(f"cannot write shard {path}: {error}") from error
    return shard


def _column(shard: str, name: str, values: NDArray[Any]) -> Any:
    if values.dtype.kind not in "fiu":
        raise InputError(f"shard {shard}: {name} has dtype {values.dtype}, numbers expected")
    dense = np.ascontiguousarray(values)
    return _arrow.array(dense) if dense.ndim == 1 else _arrow.FixedShapeTensorArray.from_numpy_ndarray(dense)


def write_whole(path: Path, payload: bytes) -> None:
    """Write a file so that a reader sees the old one or the new one, never half."""
    part = _part(path)
    with part.open("wb") as file:
        file.write(payload)
        file.flush()
        os.fsync(file.fileno())
    part.replace(path)


def _part(path: Path) -> Path:
    return path.with_name(f".{path.name}.{uuid.uuid4().hex[:12]}.part")


def _hash(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def finished(folder: Path, name: str, made_from: str = "") -> Shard | None:
    """The shard of that name if it is whole and made from the same; None = it must be written."""
    path = folder / f"{name}{_SUFFIX}"
    try:
        shard = _shard(json.loads((folder / f"{name}.json").read_text()))
        whole = path.stat().st_size == shard.bytes
    except (FileNotFoundError, ValueError, TypeError, KeyError):
        return None
    return shard if whole and shard.made_from == made_from else None


def _shard(row: dict[str, Any]) -> Shard:
    fields = {name: (str(kind), tuple(shape)) for name, (kind, shape) in row["fields"].items()}
    return Shard(**{**row, "fields": fields})


def write_index(folder: Path, names: list[str], about: Mapping[str, Any]) -> tuple[Shard, ...]:
    """List the shards of a finished set, which readers need, and remove what killed writers left.

    Args:
        folder: Of the shards.
        names: Which, in any order.
        about: What the set is: config, sources, licence; JSON.

    Raises:
        NotFoundError: A shard is missing.
        ConventionError: Shards hold different fields.
    """
    shards = []
    for name in sorted(names):
        path = folder / f"{name}.json"
        if not path.is_file():
            raise NotFoundError(f"shard {name} of {folder} is not finished: no {path.name}")
        shards.append(_shard(json.loads(path.read_text())))
        if shards[-1].fields != shards[0].fields:
            raise ConventionError(f"shard {name} holds {shards[-1].fields}, {shards[0].name} {shards[0].fields}")
    for part in folder.glob(".*.part"):
        part.unlink(missing_ok=True)
    write_whole(
        folder / "index.json", json.dumps({"about": dict(about), "shards": [asdict(s) for s in shards]}).encode()
    )
    return tuple(shards)


def read_index(folder: Path) -> tuple[tuple[Shard, ...], dict[str, Any]]:
    """The shards of a set, by name, and what was said about it.

    Raises:
        NotFoundError: No index there.
        ConventionError: It cannot be read.
    """
    path = folder / "index.json"
    try:
        index = json.loads(path.read_text())
        return tuple(_shard(row) for row in index["shards"]), dict(index["about"])
    except FileNotFoundError:
        raise NotFoundError(f"no training data at {folder}: no {path.name}") from None
    except (ValueError, TypeError, KeyError) as error:
        raise ConventionError(f"{path}: not an index of shards: {error!r}") from error


def check_shards(folder: Path) -> int:
    """Read every shard and compare its hash; returns how many there are.

    Raises:
        ConventionError: One differs from the index.
        StoreError: One cannot be read.
    """
    shards, _ = read_index(folder)
    for shard in shards:
        try:
            found = _hash(folder / f"{shard.name}{_SUFFIX}")
        except OSError as error:
            raise StoreError(f"cannot read shard {shard.name} of {folder}: {error}") from error
        if found != shard.sha256:
            raise ConventionError(f"shard {shard.name} of {folder} has sha256 {found[:12]}…, {shard.sha256[:12]}… said")
    return len(shards)


def read_shard(folder: Path, shard: Shard, into: Bytes | None = None) -> Arrays:
    """All of one shard: name -> (N, ...), read-only.

    Args:
        folder: Of the set.
        shard: Which.
        into: Memory to read into, at least as long as the file, so that none must be asked of the system; the arrays
            are views of it.

    Raises:
        StoreError: It cannot be read.
        ConventionError: It is not what the index says.
    """
    path = folder / f"{shard.name}{_SUFFIX}"
    memory = np.empty(shard.bytes, np.uint8) if into is None else into[: shard.bytes]
    try:
        with path.open("rb", buffering=0) as file:
            size = os.fstat(file.fileno()).st_size
            if size != shard.bytes:
                raise ConventionError(f"{path}: {size} bytes, the index says {shard.bytes}")
            done = 0
            while done < size and (count := file.readinto(memory[done:].data)):
                done += count
        table = _arrow.ipc.open_file(_arrow.py_buffer(memory)).read_all()
    except OSError as error:
        raise StoreError(f"cannot read {path}: {error}") from error
    except _arrow.ArrowInvalid as error:
        raise ConventionError(f"{path}: not a shard of ours: {error}") from error
    out = {}
    for name, (_, shape) in shard.fields.items():
        column = table.column(name).chunk(0)
        out[name] = column.to_numpy_ndarray() if shape else column.to_numpy()
    return out


@dataclass(slots=True)
class _Lane:
    """Where one stream stands: the shards in memory, and those that the thread reads meanwhile."""

    shards: tuple[int, ...] = ()
    arrays: list[Arrays] = field(default_factory=list)
    coming: tuple[int, ...] = ()
    future: "Future[list[Arrays]] | None" = None
    buffers: tuple[list[Bytes], list[Bytes]] = field(
        default_factory=lambda: ([], [])
    )  # of what is coming, and of what is here
    number: tuple[int, int] = (-1, -1)  # epoch and group of `mixed`
    mixed: NDArray[np.int64] = field(default_factory=lambda: np.zeros(0, np.int64))


class ShardReader:
    """Streams batches; memory holds 2 x `together` shards a lane, whatever the size of the set.

    The order is a function of the seed and the epoch alone, so reading can begin at any (epoch, position).
    """

    def __init__(self, folder: Path, reading: Reading) -> None:
        """Open a finished set.

        Raises:
            NotFoundError: No index there.
            InputError: A number of `reading` below 1, or more lanes than shards.
        """
        self.folder, self.reading = folder, reading
        self.shards, self.about = read_index(folder)
        if min(reading.batch, reading.together, reading.lanes) < 1 or reading.lanes > len(self.shards):
            raise InputError(f"{reading}: at least 1 of each, and at most {len(self.shards)} lanes of as many shards")
        self._lanes = [_Lane() for _ in range(reading.lanes)]
        self._largest = max(shard.bytes for shard in self.shards)
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="shards")

    def __len__(self) -> int:
        """Batches an epoch."""
        lanes, samples = self.reading.lanes, sum(shard.samples for shard in self.shards)
        return lanes * -(-samples // (self.reading.batch * lanes))

    def batch(self, index: int) -> Arrays:
        """Batch `index`, counted on over the epochs: name -> (B, ...). Fast in increasing order within each lane.

        Lanes may hold unequal numbers of samples: within an epoch the shorter start over, of the longer some wait for
        another epoch.

        Raises:
            StoreError: A shard cannot be read.
            ConventionError: A shard is not what the index says.
        """
        epoch, place = divmod(index, len(self))
        position, lane = divmod(place, self.reading.lanes)
        groups = self._groups(epoch, lane)
        ends = np.cumsum([sum(self.shards[i].samples for i in group) for group in groups])
        first = position * self.reading.batch
        wanted = np.arange(first, first + self.reading.batch)
        wanted = wanted % ends[-1] if self.reading.lanes > 1 else wanted[wanted < ends[-1]]
        where = np.searchsorted(ends, wanted, side="right")
        out: Arrays = {
            name: np.empty((len(wanted), *shape), kind) for name, (kind, shape) in self.shards[0].fields.items()
        }
        row = 0
        for number in dict.fromkeys(where.tolist()):  # in the order of the stream
            begin = ends[number - 1] if number else 0
            samples = self._mixed(epoch, lane, number, groups)[wanted[where == number] - begin]
            row = self._take(out, row, samples, self._lanes[lane])
        return out

    def stream(self, epoch: int = 0, position: int = 0) -> Iterator[Arrays]:
        """The rest of an epoch, from batch `position` on."""
        for place in range(position, len(self)):
            yield self.batch(epoch * len(self) + place)

    def close(self) -> None:
        """End the thread."""
        self._thread.shutdown(cancel_futures=True)

    def __enter__(self) -> "ShardReader":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _groups(self, epoch: int, lane: int) -> list[tuple[int, ...]]:
        """Which shards are in memory together, one group after the other."""
        count, together = len(self.shards), self.reading.together
        ranks = np.arange(count)
        if self.reading.shuffle:
            ranks = np.random.default_rng([self.reading.seed, epoch]).permutation(count)
        mine = ranks[lane :: self.reading.lanes].tolist()
        return [tuple(sorted(mine[i : i + together])) for i in range(0, len(mine), together)]

    def _mixed(self, epoch: int, lane: int, number: int, groups: list[tuple[int, ...]]) -> NDArray[np.int64]:
        """Make the group present, start reading the next one; returns the order of its samples."""
        held = self._lanes[lane]
        if held.number != (epoch, number):
            following = groups[number + 1] if number + 1 < len(groups) else self._groups(epoch + 1, lane)[0]
            self._hold(held, groups[number], following)
            count = sum(self.shards[i].samples for i in groups[number])
            held.number, held.mixed = (epoch, number), np.arange(count)
            if self.reading.shuffle:
                held.mixed = np.random.default_rng([self.reading.seed, epoch, lane, number]).permutation(count)
        return held.mixed

    def _hold(self, lane: _Lane, group: tuple[int, ...], following: tuple[int, ...]) -> None:
        if lane.shards != group:
            if lane.coming != group:
                self._begin(lane, group)
            lane.arrays, lane.shards = self._coming(lane), group
            lane.buffers = (lane.buffers[1], lane.buffers[0])
            lane.future, lane.coming = None, ()
        if following not in (group, lane.coming):
            self._begin(lane, following)

    def _coming(self, lane: _Lane) -> list[Arrays]:
        try:
            return lane.future.result() if lane.future else []
        except BriseError:
            lane.future, lane.coming = None, ()  # so that a later call tries again
            raise

    def _begin(self, lane: _Lane, group: tuple[int, ...]) -> None:
        """Have the thread read a group, once it is done with what it was told before."""
        memory = lane.buffers[0]
        while len(memory) < len(group):
            memory.append(np.empty(self._largest, np.uint8))
        lane.future, lane.coming = self._thread.submit(self._read, group, memory), group

    def _read(self, group: tuple[int, ...], memory: list[Bytes]) -> list[Arrays]:
        return [read_shard(self.folder, self.shards[i], into) for i, into in zip(group, memory, strict=False)]

    def _take(self, out: Arrays, row: int, samples: NDArray[np.int64], held: _Lane) -> int:
        """Copy samples, numbered through the shards in memory, to the rows from `row` on; returns the next row.

        Within a batch they come shard by shard: in one copy each, and the order in a batch means nothing when mixed.
        """
        begin = 0
        for shard, arrays in zip(held.shards, held.arrays, strict=True):
            end = begin + self.shards[shard].samples
            local = samples[(samples >= begin) & (samples < end)] - begin
            for name, values in arrays.items():
                np.take(values, local, axis=0, out=out[name][row : row + len(local)], mode="clip")
            begin, row = end, row + len(local)
        return row
