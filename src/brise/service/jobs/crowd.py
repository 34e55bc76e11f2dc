"""Builds the crowd's map of what owners share: hourly, and at once when somebody withdraws what they shared."""

import logging
import os
import secrets
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import h3  # type: ignore[import-untyped]
import numpy as np
import orjson
import pandas as pd

from brise.conventions.errors import BriseError, StoreError
from brise.formulas.calibration import Calibration
from brise.formulas.privacy import ANCHOR, Zone, outside, private_anchors, stays, trimmed, zone_of
from brise.io.cubes import replace_file, writing
from brise.io.tables import Tables
from brise.models.sensor_correction import correct
from brise.products.crowd_map import VOICE_COLUMNS, CrowdMap, make, reach_back, read_crowd_map, voices
from brise.products.tracker_table import trusted

log = logging.getLogger("brise.crowd")

FOLDER, FILE, KEY = "crowd", "crowd.json", "crowd.key"
MARK = "withdrawn"
"""Holds other bytes whenever something was withdrawn."""

_KEY_BYTES = 32


def crowd_file(data_dir: Path) -> Path:
    """Where the map is published."""
    return data_dir / "products" / FOLDER / FILE


def withdraw(data_dir: Path) -> None:
    """Take the map away, after rows were erased or are shared no more; the cycle's next turn makes it anew.

    A map that is being made meanwhile, of rows that were read before, is taken away when it comes.

    Raises:
        StoreError: The disk fails.
    """
    path = crowd_file(data_dir)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        (path.parent / MARK).write_bytes(secrets.token_bytes(16))
        path.unlink(missing_ok=True)
    except OSError as error:
        raise StoreError(f"crowd map: {error}") from error


def _mark(data_dir: Path) -> bytes:
    try:
        return (crowd_file(data_dir).parent / MARK).read_bytes()
    except FileNotFoundError:
        return b""


@dataclass(slots=True)
class CrowdJob:
    """What builds the map once a turn, where it is due.

    Attributes:
        data_dir: The data folder.
        made: Hour of the map that was made last.
    """

    data_dir: Path
    made: datetime | None = None

    def turn(self, tables: Tables, now: datetime) -> bool:
        """Build the map if an hour has passed, or if it was withdrawn.

        Returns:
            Whether it was built.

        Raises:
            StoreError: The store cannot serve now.
        """
        hour = now.replace(minute=0, second=0, microsecond=0)
        if self.made == hour and crowd_file(self.data_dir).exists():
            return False
        mark = _mark(self.data_dir)
        try:
            publish(self.data_dir, build(tables, now, server_secret(self.data_dir)))
        except StoreError:
            raise
        except BriseError as error:
            log.error("crowd map: %s", error)  # noqa: TRY400  # the line says it all
        if _mark(self.data_dir) != mark:
            withdraw(self.data_dir)
        self.made = hour
        return True


def server_secret(data_dir: Path) -> bytes:
    """What noise and zones are drawn with; made once, readable by the server alone.

    Raises:
        StoreError: The disk fails.
    """
    path = data_dir / KEY
    try:
        data_dir.mkdir(parents=True, exist_ok=True)
        try:
            with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
                file.write(secrets.token_bytes(_KEY_BYTES))
        except FileExistsError:
            pass
        found = path.read_bytes()
    except OSError as error:
        raise StoreError(f"{path}: {error}") from error
    if len(found) != _KEY_BYTES:
        raise StoreError(f"{path}: {len(found)} bytes, not {_KEY_BYTES}; remove it to have another made")
    return found


def build(tables: Tables, now: datetime, secret: bytes) -> CrowdMap:
    """The map of what is shared; two passes over the samples, one tracker in memory at a time.

    Raises:
        StoreError: The store cannot serve now.
    """
    anchors: dict[int, set[str]] = {}
    seen: list[tuple[float, float, int]] = []
    for owner, _, frame, _ in _shared(tables, now):
        known = frame.dropna(subset=["latitude", "longitude"])
        track = _track(known)
        anchors.setdefault(owner, set()).update(private_anchors(stays(*track)))
        cells = {h3.latlng_to_cell(y, x, ANCHOR) for y, x in zip(*track[1:], strict=True)}
        seen += [(*h3.cell_to_latlng(cell), owner) for cell in cells]
    places = np.array(seen, float).reshape(-1, 3)
    zones: dict[int, list[Zone]] = {}
    for owner, own in anchors.items():
        named = {h3.latlng_to_cell(one.latitude, one.longitude, ANCHOR) for one in tables.choices.places(owner)}
        others = places[places[:, 2] != owner]
        zones[owner] = [zone_of(anchor, _owner_secret(secret, owner), others) for anchor in sorted(own | named)]
    heard = [pd.DataFrame(columns=list(VOICE_COLUMNS))]
    for owner, make_, frame, fitted in _shared(tables, now):
        if owner in zones:  # one who came between the passes waits an hour
            private = zones[owner], _owner_secret(secret, owner)
            heard.append(_voices(owner, (make_, fitted), frame, private))
    said = [one for one in heard if len(one)]
    return make(pd.concat(said, ignore_index=True) if said else heard[0], now, secret)


def _owner_secret(secret: bytes, owner: int) -> bytes:
    return secret + b"owner" + str(owner).encode()


def _shared(tables: Tables, now: datetime) -> Iterator[tuple[int, str, pd.DataFrame, list[Calibration]]]:
    """Owner, make, trusted samples and calibrations of each tracker that shares."""
    makes: dict[int, str] = {}
    for owner, device, frame in tables.samples.shared(int(reach_back(now).timestamp()), int(now.timestamp())):
        if device not in makes:
            makes |= {one.key: one.model.lower() or "unknown" for one in tables.owners.trackers(owner)}
        own = tables.calibrations.found(owner, device)
        yield owner, makes.get(device, "unknown"), trusted(frame), own


def _track(frame: pd.DataFrame) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    seconds = pd.to_datetime(frame["time"], utc=True).dt.as_unit("s").astype("int64").to_numpy(float)
    return seconds, frame["latitude"].to_numpy(float), frame["longitude"].to_numpy(float)


def _voices(
    owner: int, by: tuple[str, list[Calibration]], frame: pd.DataFrame, private: tuple[list[Zone], bytes]
) -> pd.DataFrame:
    """On the way only: stays are left out with the ends of trips, and most of what is measured indoors with them."""
    zones, secret = private
    time, latitude, longitude = _track(frame)
    shown = outside(latitude, longitude, zones) & trimmed(time, latitude, longitude, secret)
    rows = frame[shown]
    corrected = correct(rows, by[1], by[0])
    return voices(owner, rows, corrected.values, corrected.uncertainty)


def publish(data_dir: Path, made: CrowdMap) -> None:
    """Show a map, in one step.

    Raises:
        StoreError: The disk fails.
    """
    path = crowd_file(data_dir)
    with writing(path.parent):
        replace_file(path, orjson.dumps(made.to_json()))


def published(data_dir: Path) -> CrowdMap | None:
    """The map that is shown; None where there is none.

    Raises:
        StoreError: It cannot be read.
    """
    path = crowd_file(data_dir)
    try:
        return read_crowd_map(orjson.loads(path.read_bytes()))
    except FileNotFoundError:
        return None
    except (OSError, ValueError) as error:
        raise StoreError(f"crowd map {path}: cannot be read: {error}") from error
