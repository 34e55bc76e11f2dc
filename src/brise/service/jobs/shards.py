"""Build training sets: every shard is one task, done by Dask's workers here or on a cluster, or one after the other.

Workers share the folder and nothing else; a shard that is finished is skipped, so a run that was killed goes on. Dask
is in the extra `train`; without workers and scheduler it is not needed.
"""

import hashlib
import json
import logging
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from functools import partial
from importlib import import_module
from pathlib import Path
from typing import Any

from brise.conventions.errors import ConfigurationError, InputError
from brise.io.shards import Arrays, Shard, finished, write_index, write_shard
from brise.io.sources.simulated import domains
from brise.models.grid_samples import Week, samples

log = logging.getLogger("brise.shards")

Make = Callable[[Any], Arrays]
Progress = Callable[[int, int], None]


@dataclass(frozen=True, slots=True)
class Workforce:
    """Who works.

    Attributes:
        workers: Processes on this machine; 0 = this process alone.
        scheduler: Instead: address of a Dask scheduler, e.g. "tcp://10.0.0.5:8786", whose workers see the same folder.
    """

    workers: int = 0
    scheduler: str = ""


def build_shards(
    folder: Path,
    parts: Mapping[str, Any],
    make: Make,
    about: Mapping[str, Any],
    workforce: Workforce,
    progress: Progress | None = None,
) -> tuple[Shard, ...]:
    """Make every shard that is not finished, then the index.

    Args:
        folder: Of the set; on a cluster, one that all workers see under this path.
        parts: Name of the shard -> what `make` makes it from; a dataclass or JSON, since it also tells whether a shard
            that is there was made from the same.
        make: part -> arrays, importable by name.
        about: What the set is; goes to the index.
        workforce: Who works.
        progress: Called with (done, all).

    Raises:
        InputError: No parts, or a negative number of workers.
        ConfigurationError: Dask is asked for and not installed, or its scheduler does not answer.
    """
    if not parts or workforce.workers < 0:
        raise InputError(f"shards of {folder}: {len(parts)} parts, {workforce.workers} workers")
    tasks = [(folder, name, part, _made_from(make, part)) for name, part in sorted(parts.items())]
    left = [task for task in tasks if finished(task[0], task[1], task[3]) is None]
    log.info("%s: %d shards, %d to make", folder, len(tasks), len(left))
    with _results(workforce, make, left) as results:
        for done, name in enumerate(results, len(tasks) - len(left) + 1):
            log.debug("%s: %s is finished", folder, name)
            if progress:
                progress(done, len(tasks))
    return write_index(folder, list(parts), about)


def _made_from(make: Make, part: Any) -> str:
    plain = asdict(part) if hasattr(part, "__dataclass_fields__") else part
    said = json.dumps([f"{make.__module__}.{make.__qualname__}", plain], sort_keys=True)
    return hashlib.sha256(said.encode()).hexdigest()


def _one(make: Make, task: tuple[Path, str, Any, str]) -> str:
    folder, name, part, made_from = task
    return write_shard(folder, name, make(part), made_from).name


@contextmanager
def _results(workforce: Workforce, make: Make, tasks: list[tuple[Path, str, Any, str]]) -> Iterator[Iterator[str]]:
    """Names of shards as they are finished."""
    if not tasks or not (workforce.workers or workforce.scheduler):
        yield (_one(make, task) for task in tasks)
        return
    try:
        dask: Any = import_module("distributed")
    except ImportError:
        raise ConfigurationError("building with workers needs Dask: install brise[train]") from None
    where: dict[str, Any] = {"address": workforce.scheduler}
    if not workforce.scheduler:
        where = {"n_workers": workforce.workers, "threads_per_worker": 1, "dashboard_address": None}
    try:
        client = dask.Client(**where, set_as_default=False)
    except OSError as error:
        raise ConfigurationError(f"Dask's scheduler {workforce.scheduler!r} does not answer: {error}") from error
    with client:
        futures = client.map(partial(_one, make), tasks, pure=False)
        yield (future.result() for future in dask.as_completed(futures, loop=client.loop))


def simulated_week(week: Week) -> Arrays:
    """Samples of one simulated week."""
    return samples(domains((week.city,))[0], week)


def build_weeks(folder: Path, weeks: tuple[Week, ...], workforce: Workforce, progress: Progress | None = None) -> int:
    """A training set of simulated weeks; returns how many samples it has.

    Raises:
        InputError: No week.
    """
    parts = {f"{week.city}-{week.seed:04d}-{week.block:05d}": week for week in weeks}
    about = {"what": "observing-system experiment, simulated atmosphere", "licence": "CC0", "weeks": len(weeks)}
    shards = build_shards(folder, parts, simulated_week, about, workforce, progress)
    return sum(shard.samples for shard in shards)
