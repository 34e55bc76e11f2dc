"""`brise up`: the API in this process, the cycle and the fire workers in their own; they share but the store."""

import contextlib
import logging
import shutil
import socket
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import uvicorn

from brise.conventions.errors import InputError
from brise.service.api.app import create_app
from brise.service.clock import FILE, waiting_clock, write_clock
from brise.service.jobs import fire_worker
from brise.service.jobs.cycle import LEASE, LEASE_NAME, run_cycle
from brise.service.jobs.feeds import Feed, LiveFeed, ReplayFeed, SimulatedFeed, answering_sources
from brise.service.jobs.ingest import make_folder, open_tables
from brise.service.jobs.processes import kept_running
from brise.service.settings import Settings

log = logging.getLogger("brise")


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
    cycle = kept_running("cycle", run_cycle, settings, feed)
    with cycle, fire_worker.pool(settings, settings.fire_workers), _mqtt(settings):
        run_api(settings)


def _mqtt(settings: Settings) -> contextlib.AbstractContextManager[None]:
    """The bridge to MQTT, whose library is loaded only where a broker is named."""
    if settings.mqtt_url is None:
        return contextlib.nullcontext()
    from brise.service.jobs.mqtt_bridge import bridge_beside

    return bridge_beside(settings)


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
