"""Processes beside ours: started again when they die, stopped when we leave, gone when we are killed."""

import contextlib
import logging
import multiprocessing
import os
import signal
import threading
import time
from collections.abc import Callable, Iterator
from multiprocessing.context import SpawnProcess
from typing import Any

from brise.service.log import start_logging

log = logging.getLogger("brise")

RESTART_SECONDS = (1.0, 5.0, 30.0)
"""How long a process that died waits before it is started again, the last one for good."""

LEAVING_SECONDS = 15.0
"""How long a process that is to leave may go on with what it has begun."""

Work = Callable[..., None]
"""What a process does until the event that is its last argument is set; found by its name in its module."""


@contextlib.contextmanager
def kept_running(name: str, work: Work, *arguments: Any) -> Iterator[None]:
    """Keep a process at work while the block lasts.

    Args:
        name: For messages.
        work: Called in the new process with the arguments and a `threading.Event`.
        arguments: That can be pickled.
    """
    context = multiprocessing.get_context("spawn")
    leaving = threading.Event()
    children: list[SpawnProcess] = []

    def keep() -> None:
        for attempt in range(1_000_000):
            child = context.Process(target=_life, args=(work, arguments, os.getpid()), name=f"brise-{name}")
            children[:] = [child]
            child.start()
            child.join()
            if leaving.is_set():
                return
            pause = RESTART_SECONDS[min(attempt, len(RESTART_SECONDS) - 1)]
            log.error("the %s ended with status %s; starting it again in %.0f s", name, child.exitcode, pause)
            if leaving.wait(pause):
                return

    keeper = threading.Thread(target=keep, name=f"{name}-keeper", daemon=True)
    keeper.start()
    try:
        yield
    finally:
        leaving.set()
        for child in children:
            if child.pid is not None:
                child.terminate()
                child.join(LEAVING_SECONDS)
                if child.is_alive():
                    child.kill()
        keeper.join(5)


def _life(work: Work, arguments: tuple[Any, ...], parent: int) -> None:
    """The child's whole life."""
    start_logging()
    stop = threading.Event()
    signal.signal(signal.SIGTERM, lambda *_: stop.set())
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C reaches us too; the parent ends us in order

    def leave_with_parent() -> None:
        while os.getppid() == parent:
            time.sleep(1.0)
        stop.set()
        time.sleep(LEAVING_SECONDS)
        os._exit(1)  # still at work: jobs may be cut off at any point, and another process may take ours

    threading.Thread(target=leave_with_parent, daemon=True).start()
    work(*arguments, stop)
