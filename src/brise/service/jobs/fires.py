"""Active fires in the cycle: satellites' hotspots where a key is set; where the air is simulated, a simulated fire."""

import logging
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from brise.conventions.errors import BriseError, BusyError, StoreError
from brise.io.download import Client
from brise.io.fire_jobs import FireJobs, Room
from brise.io.hotspots import Hotspots
from brise.io.raw import RawStore
from brise.io.runs import SourceStatus
from brise.io.sources import firms
from brise.io.sources.source import Window
from brise.io.tables import Tables
from brise.service.settings import Settings

log = logging.getLogger("brise.fires")

EVERY = timedelta(minutes=30)
"""Satellites pass every few hours, and are told within three."""

LOOK_BACK = timedelta(hours=24)
DEMONSTRATION = "demonstration"
"""Stands for a client in the queue: the simulated fire of a simulated atmosphere."""

LIGHTS_AT = 9
"""UTC hour at which the simulated fire is lit every day: 11:00 where it burns."""

BURNS_H = 12
_WIND = (3.0, 3.5, 4.0, 5.0, 5.5, 6.0, 6.0, 5.5, 4.5, 3.5, 2.5, 2.0, 2.0)
_FROM = (300, 305, 310, 310, 315, 320, 325, 330, 335, 340, 345, 350, 350)
_CELSIUS = (24, 25, 26, 27, 27, 27, 26, 24, 22, 20, 18, 17, 16)
_HUMIDITY = (32, 28, 25, 23, 22, 22, 24, 29, 36, 43, 50, 55, 58)


@dataclass(slots=True)
class FireWatch:
    """What looks for fires once a turn of the cycle.

    Attributes:
        settings: Of the cycle.
        simulated: Whether the air is.
        asked: When the provider was last asked.
        lit: Start of the simulated fire that was last asked for.
    """

    settings: Settings
    simulated: bool
    asked: datetime | None = None
    lit: datetime | None = None
    _jobs: list[FireJobs] = field(default_factory=list)

    def turn(self, tables: Tables, now: datetime) -> None:
        """Look once.

        Raises:
            StoreError: The store cannot serve now.
        """
        if self.simulated:
            self._light(now)
        elif self.settings.firms_key is not None and (self.asked is None or now - self.asked >= EVERY):
            self.asked = now
            self._ask(tables, now)

    def _ask(self, tables: Tables, now: datetime) -> None:
        """Fetch and keep what satellites saw; a failure is written down and the cycle goes on."""
        window = Window(now - LOOK_BACK, now, area=self.settings.area)
        try:
            with Client(RawStore(self.settings.data_dir / "raw")) as client:
                spots = firms.fetch_hotspots(client, window, self.settings.key("firms_key"))
        except StoreError:
            raise
        except BriseError as error:
            log.warning("%s: %s", firms.NAME, error)
            tables.runs.record_source(SourceStatus(firms.NAME, now, last_error=str(error)))
            return
        kept = Hotspots.open(self.settings.resolved_database_url())
        try:
            new = kept.store(spots, firms.NAME, now)
            kept.forget(now - timedelta(days=self.settings.retention_days))
        finally:
            kept.close()
        newest = max((spot.time for spot in spots), default=None)
        counts = {"read": len(spots), "stored": new}
        tables.runs.record_source(SourceStatus(firms.NAME, now, now, newest, counts=counts))
        log.info("%s: %d hotspots, %d new", firms.NAME, len(spots), new)

    def _light(self, now: datetime) -> None:
        """Ask for the day's simulated fire, once."""
        start = now.replace(hour=LIGHTS_AT, minute=0, second=0, microsecond=0)
        start = start if start <= now else start - timedelta(days=1)
        if self.lit == start or not self.settings.fire_workers:
            return
        if not self._jobs:
            self._jobs.append(FireJobs.open(self.settings.resolved_database_url()))
        jobs, asked = self._jobs[0], demonstration_fire(start)
        if all(job.request["asked"]["start"] != asked["start"] for job in jobs.of_client(DEMONSTRATION)):
            request = {"asked": asked, "assumptions": [], "simulated": True}
            keep_s = self.settings.fire_days_kept * 86_400
            try:
                jobs.submit(request, DEMONSTRATION, Room(self.settings.fire_jobs, 10), keep_s, listed=True)
            except BusyError as error:
                log.warning("simulated fire of %s: %s", start, error)
                return
            log.info("simulated fire of %s asked for", start)
        self.lit = start


def demonstration_fire(start: datetime) -> dict[str, Any]:
    """The request of a simulated fire on the demonstration landscape."""
    times = [f"{start + timedelta(hours=hour):%Y-%m-%dT%H:%M:%SZ}" for hour in range(BURNS_H + 1)]
    return {
        "landscape": "demonstration",
        "name": f"Simulated fire of {start:%Y-%m-%d}",
        "ignition": {"type": "Point", "coordinates": [28.262, -26.487]},
        "start": times[0],
        "hours": float(BURNS_H),
        "weather": {
            "time": times,
            "wind_speed_m_s": list(_WIND),
            "wind_from_degrees": list(_FROM),
            "wind_height": "10m",
            "temperature_c": list(_CELSIUS),
            "relative_humidity_percent": list(_HUMIDITY),
        },
        "members": 50,
        "seed": 0,
        "listed": True,
    }
