"""Many small pieces of work as few big ones: each is answered only after the group it is in has been done."""

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import Generic, TypeVar

from brise.conventions.errors import BriseError, StoreError

LINGER_S = 0.02
"""How long a piece waits for company: a transaction costs the disk once, however many are in it."""

MAX_WAITING = 20_000
"""Weight that may wait: what comes at full load while a database pauses for some seconds."""

MAX_TOGETHER = 5_000
"""Weight of one group, unless a single piece has more."""

Piece = TypeVar("Piece")
Answer = TypeVar("Answer")


class Grouped(Generic[Piece, Answer]):
    """A bounded queue in front of the store, for one event loop at a time."""

    def __init__(
        self, work: Callable[[list[Piece]], Awaitable[list[Answer]]], weigh: Callable[[Piece], int] = lambda _: 1
    ) -> None:
        """Do each group by `work`, which answers for each piece; `weigh` says how big a piece is."""
        self._work, self._weigh = work, weigh
        self._waiting: list[tuple[Piece, asyncio.Future[Answer]]] = []
        self._weight = 0
        self._task: asyncio.Task[None] | None = None

    async def submit(self, piece: Piece) -> Answer:
        """Have a piece done.

        Returns:
            Its answer, when its group has been done.

        Raises:
            StoreError: Too much waits already, or the store cannot serve; nothing of it can be relied upon.
        """
        weight = self._weigh(piece)
        if self._weight + weight > MAX_WAITING:
            raise StoreError(f"{self._weight} rows wait for the store already; send this again in some seconds")
        loop = asyncio.get_running_loop()
        if self._task is None or self._task.done() or self._task.get_loop() is not loop:
            self._task = loop.create_task(self._empty())
        future: asyncio.Future[Answer] = loop.create_future()
        self._waiting.append((piece, future))
        self._weight += weight
        return await future

    async def _empty(self) -> None:
        """Work until nothing waits."""
        while self._waiting:
            await asyncio.sleep(LINGER_S)
            group = self._take()
            try:
                answers = await self._work([piece for piece, _ in group])
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
                self._weight -= sum(self._weigh(piece) for piece, _ in group)

    def _take(self) -> list[tuple[Piece, asyncio.Future[Answer]]]:
        count = weight = 0
        for piece, _ in self._waiting:
            weight += self._weigh(piece)
            if count and weight > MAX_TOGETHER:
                break
            count += 1
        group, self._waiting = self._waiting[:count], self._waiting[count:]
        return group
