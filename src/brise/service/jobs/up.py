"""`brise up`: the API in this process, the cycle in a second one; they share nothing but the store."""

import contextlib
import logging
import multiprocessing
import os
import shutil
import signal
import socket
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from multiprocessing.context import SpawnProcess
from pathlib import Path

import uvicorn

from brise.conventions.errors import InputError
from brise.service.api.app import create_app
from brise.service.clock import FILE, waiting_clock, write_clock
from brise.service.jobs.cycle import LEASE, LEASE_NAME, run_cycle
from brise.service.jobs.feeds import Feed, LiveFeed, ReplayFeed, SimulatedFeed, answering_sources
from brise.service.jobs.ingest import make_folder, open_tables
from brise.service.log import start_logging
from brise.service.settings import Settings

log = logging.getLogger("brise")

RESTART_SECONDS = (1.0, 5.0, 30.0)
"""How long a cycle that died waits before it is started again, the last one for good."""


@dataclass(frozen=True, slots=True)
class Plan:
    """What `brise up` was asked for.

    Attributes:
        sources: "auto", "simulated", or a comma list of sources.
        replay: An archive to play instead.
        at: Where the replay starts; None = 30 days into the archive.
        speed: Of the replay.
        withhold: File of station ids that the replay hides from the product.
    """

    sources: str = "auto"
    replay: Path | None = None
    at: datetime | None = None
    speed: float = 1.0
    withhold: Path | None = None


def run_up(settings: Settings, plan: Plan, data: Path | None) -> None:
    """Start everything and stay until Ctrl-C."""
    claim_port(settings.host, settings.port)
    feed = choose_feed(settings, plan)
    settings = settings.model_copy(update={"data_dir": data or settings.data_dir / feed.mode})
    make_folder(settings.data_dir)
    if isinstance(feed, ReplayFeed) and feed.hidden:
        with open_tables(settings) as tables:
            feed.refuse_known(tables)
    if feed.starts_at is not None or (settings.data_dir / FILE).exists():
        set_clock(settings, feed)
    log.info("%s; data in %s", feed.title, settings.data_dir)
    with cycle_process(settings, feed):
        run_api(settings)


def set_clock(settings: Settings, feed: Feed) -> None:
    """The clock of a new start, unless another cycle works here: then it is that one's.

    A replay begins afresh: no map from its own future, and a clock that waits for the first run.

    Raises:
        StoreError: The database cannot serve.
    """
    with open_tables(settings) as tables, tables.lease(LEASE_NAME, LEASE) as mine:
        if not mine:
            return
        if feed.starts_at is None:
            (settings.data_dir / FILE).unlink(missing_ok=True)
        else:
            shutil.rmtree(settings.data_dir / "products", ignore_errors=True)
            write_clock(settings.data_dir, waiting_clock(feed.starts_at))


def choose_feed(settings: Settings, plan: Plan) -> Feed:
    """Where measurements come from.

    Raises:
        InputError: The plan contradicts itself or names what is not there.
    """
    if plan.replay is not None:
        if plan.sources != "auto":
            raise InputError("--replay plays one archive; it does not go with --sources")
        return ReplayFeed.open(plan.replay, plan.at, plan.speed, plan.withhold)
    if plan.at is not None or plan.withhold is not None or plan.speed != 1.0:
        raise InputError("--at, --speed and --withhold belong to --replay")
    if plan.sources == "simulated":
        return SimulatedFeed()
    if plan.sources != "auto":
        return LiveFeed.of(plan.sources.split(","), settings)
    log.info("asking the live sources")
    found = answering_sources(settings)
    if found:
        return LiveFeed.of(found, settings)
    log.warning("no live source answered: starting the SIMULATED atmosphere; nothing it shows is a measurement")
    return SimulatedFeed()


def claim_port(host: str, port: int) -> None:
    """Find out before any work whether the port is free.

    Raises:
        InputError: It is not, or the address is not ours.
    """
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError as error:
            raise InputError(f"cannot listen on {host}:{port} ({error.strerror}); choose another with --port") from None


def run_api(settings: Settings) -> None:
    """Serve until Ctrl-C.

    Raises:
        InputError: The port is not free.
        ConfigurationError: A setting of the API cannot be read.
    """
    claim_port(settings.host, settings.port)
    api = create_app(settings)
    log.info("API on http://%s:%d (docs at /docs)", settings.host, settings.port)
    with contextlib.suppress(KeyboardInterrupt):
        uvicorn.run(
            api,
            host=settings.host,
            port=settings.port,
            log_level="warning",
            access_log=False,
            timeout_graceful_shutdown=5,
        )


@contextlib.contextmanager
def cycle_process(settings: Settings, feed: Feed) -> Iterator[None]:
    """The cycle beside us: started again when it dies, stopped when we leave, gone when we are killed."""
    context = multiprocessing.get_context("spawn")
    leaving = threading.Event()
    children: list[SpawnProcess] = []

    def keep_running() -> None:
        for attempt in range(1_000_000):
            child = context.Process(target=_cycle_main, args=(settings, feed, os.getpid()), name="brise-cycle")
            children[:] = [child]
            child.start()
            child.join()
            if leaving.is_set():
                return
            pause = RESTART_SECONDS[min(attempt, len(RESTART_SECONDS) - 1)]
            log.error("the cycle ended with status %s; starting it again in %.0f s", child.exitcode, pause)
            if leaving.wait(pause):
                return

    keeper = threading.Thread(target=keep_running, name="cycle-keeper", daemon=True)
    keeper.start()
    try:
        yield
    finally:
        leaving.set()
        for child in children:
            if child.pid is not None:
                child.terminate()
                child.join(15)
                if child.is_alive():
                    child.kill()
        keeper.join(5)


def _cycle_main(settings: Settings, feed: Feed, parent: int) -> None:
    """The child's whole life."""
    start_logging()
    stop = threading.Event()
    signal.signal(signal.SIGTERM, lambda *_: stop.set())
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C reaches us too; the parent ends us in order

    def leave_with_parent() -> None:
        while not stop.wait(1.0):
            if os.getppid() != parent:
                stop.set()

    threading.Thread(target=leave_with_parent, daemon=True).start()
    run_cycle(settings, feed, stop)
