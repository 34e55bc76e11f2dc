"""What time it is: the wall's, or a replay's that runs from its own start at its own speed.

The cycle writes the clock beside the data it makes, so that every reader of that data (the API, its replicas) computes
ages against the same "now".
"""

import json
import os
import time
from dataclasses import asdict, dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from brise.conventions.errors import StoreError

FILE = "clock.json"


@dataclass(frozen=True, slots=True)
class Clock:
    """now = start + (wall - wall_start) * speed.

    Attributes:
        start: Seconds since 1970 UTC that this clock showed when the wall's showed `wall_start`.
        wall_start: Seconds since 1970 UTC.
        speed: Seconds of this clock in a second of the wall's.
    """

    start: float
    wall_start: float
    speed: float

    def now(self) -> datetime:
        """UTC."""
        return datetime.fromtimestamp(self.start + (time.time() - self.wall_start) * self.speed, UTC)

    def wall_seconds(self, span: timedelta) -> float:
        """How long a span of this clock lasts on the wall."""
        return span.total_seconds() / self.speed


WALL = Clock(0.0, 0.0, 1.0)

STANDSTILL = 1e-9
"""Speed of a clock that waits."""


def waiting_clock(at: datetime) -> Clock:
    """A clock that shows `at` until another is written."""
    return Clock(at.timestamp(), time.time(), STANDSTILL)


def replay_clock(at: datetime, speed: float) -> Clock:
    """A clock that shows `at` now and runs `speed` times as fast."""
    return Clock(at.timestamp(), time.time(), speed)


def write_clock(folder: Path, clock: Clock) -> None:
    """Keep it beside the data, whole or not at all."""
    folder.mkdir(parents=True, exist_ok=True)
    temporary = folder / f"{FILE}.{os.getpid()}"
    temporary.write_text(json.dumps(asdict(clock)))
    temporary.replace(folder / FILE)


def read_clock(folder: Path) -> Clock:
    """The clock of this data; the wall's where none was written.

    Raises:
        StoreError: The file cannot be read.
    """
    try:
        return Clock(**json.loads((folder / FILE).read_text()))
    except FileNotFoundError:
        return WALL
    except (OSError, ValueError, TypeError) as error:
        raise StoreError(f"clock {folder / FILE}: cannot be read: {error}") from error
