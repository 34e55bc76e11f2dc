"""Many small writes as few transactions: each is answered only after the transaction it is in has been committed."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress

from brise.conventions.errors import BriseError, StoreError
from brise.io.tracker_samples import Push

LINGER_S = 0.02
"""How long a write waits for company: a transaction costs the disk once, however many are in it."""

MAX_WAITING = 20_000
"""Rows; as many as a database that pauses for some seconds gathers at full load."""

MAX_TOGETHER = 5_000
"""Rows of one transaction, unless a single push has more."""

Commit = Callable[[Sequence[Push]], Awaitable[list[bool]]]


class GroupCommit:
    """A queue in front of the store, for one event loop at a time."""

    def __init__(self, commit: Commit) -> None:
        """Use `commit` for each group; it answers for each push whether it was stored."""
        self._commit = commit
        self._waiting: list[tuple[Push, asyncio.Future[bool]]] = []
        self._rows = 0
        self._task: asyncio.Task[None] | None = None

    async def submit(self, push: Push) -> bool:
        """Store a push.

        Returns:
            Whether the device's key was still right; then it survives whatever comes.

        Raises:
            StoreError: The database cannot serve, or too much waits already; nothing of it can be relied upon.
        """
        if self._rows + len(push.rows) > MAX_WAITING:
            raise StoreError(f"{self._rows} rows wait to be stored already; send this again in some seconds")
        loop = asyncio.get_running_loop()
        if self._task is None or self._task.done() or self._task.get_loop() is not loop:
            self._task = loop.create_task(self._empty())
        future: asyncio.Future[bool] = loop.create_future()
        self._waiting.append((push, future))
        self._rows += len(push.rows)
        return await future

    async def _empty(self) -> None:
        """Commit until nothing waits."""
        while self._waiting:
            await asyncio.sleep(LINGER_S)
            group = self._take()
            try:
                answers = await self._commit([push for push, _ in group])
            except BaseException as error:
                for _, future in group:
                    with suppress(asyncio.InvalidStateError):
                        future.set_exception(error if isinstance(error, BriseError) else StoreError("not stored"))
                if not isinstance(error, BriseError):
                    raise
            else:
                for (_, future), answer in zip(group, answers, strict=True):
                    with suppress(asyncio.InvalidStateError):  # whoever asked has gone
                        future.set_result(answer)
            finally:
                self._rows -= sum(len(push.rows) for push, _ in group)

    def _take(self) -> list[tuple[Push, asyncio.Future[bool]]]:
        count = rows = 0
        for push, _ in self._waiting:
            rows += len(push.rows)
            if count and rows > MAX_TOGETHER:
                break
            count += 1
        group, self._waiting = self._waiting[:count], self._waiting[count:]
        return group
