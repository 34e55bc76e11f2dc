"""Members of a fire ensemble on a Dask cluster, instead of in threads of the worker."""

from collections.abc import Callable, Iterator
from functools import partial
from importlib import import_module
from typing import Any

from brise.conventions.errors import ConfigurationError, StoreError
from brise.products.fire_ensemble import Member, Runner

CHUNK = 8
"""Members of one task."""


def on_cluster(scheduler: str | None) -> Runner | None:
    """What computes members on a cluster; None where no scheduler is set.

    Args:
        scheduler: Such as tcp://host:8786.
    """
    return None if scheduler is None else partial(_members, scheduler)


def _members(scheduler: str, work: Callable[[int], Member], count: int, _threads: int) -> Iterator[Member]:
    """The members in order; at most two tasks a thread of the cluster are under way, so that memory stays bounded.

    Raises:
        ConfigurationError: Dask is not installed.
        StoreError: The scheduler does not answer.
    """
    try:
        dask: Any = import_module("distributed")
    except ImportError:
        raise ConfigurationError("BRISE_DASK_SCHEDULER needs Dask: pip install 'brise[train]'") from None
    try:
        client = dask.Client(scheduler, timeout=20, set_as_default=False)
    except OSError as error:
        raise StoreError(f"Dask scheduler {scheduler}: does not answer: {error}") from error
    with client:
        shared = client.scatter([work], broadcast=True)[0]  # once to each machine: it holds the landscape
        chunks = [range(first, min(first + CHUNK, count)) for first in range(0, count, CHUNK)]
        window = 2 * max(1, sum(client.nthreads().values()))
        running = [client.submit(_some, shared, chunk, pure=False) for chunk in chunks[:window]]
        for place in range(len(chunks)):
            yield from running.pop(0).result()
            if place + window < len(chunks):
                running.append(client.submit(_some, shared, chunks[place + window], pure=False))


def _some(work: Callable[[int], Member], which: range) -> list[Member]:
    return [work(member) for member in which]
