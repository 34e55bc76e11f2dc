"""A tracker beside a reference: calibrated by a job, refused with too little, used for what its owner is told."""

from datetime import UTC, datetime, timedelta
from itertools import pairwise

import numpy as np
import pandas as pd
import pytest
import xarray as xr

from brise.conventions.grids import Grid
from brise.conventions.observations import OBSERVATION_COLUMNS, STATION_COLUMNS
from brise.conventions.trackers import check_samples
from brise.conventions.variables import VARIABLES
from brise.io.analyses import store_analysis
from brise.io.tables import Tables
from brise.io.tracker_choices import Label, NamedPlace
from brise.service.jobs.owner_exposure import owner_exposure
from brise.service.jobs.tracker_calibration import CalibrationJob

NOW = datetime(2026, 3, 20, tzinfo=UTC)
HOURS = 20 * 24
PLACE = (48.861, 2.351)
RNG = np.random.default_rng(7)
TRUTH = np.exp(RNG.normal(2.3, 0.5, HOURS))
END = pd.date_range(NOW - timedelta(hours=HOURS - 1), periods=HOURS, freq="h")


def station(kind: str, latitude: float) -> pd.DataFrame:
    known = {
        "station_id": f"{kind}:1", "source": kind, "name": kind, "latitude": latitude, "longitude": 2.35, "kind": kind,
        "altitude_m": 30.0, "timezone": "UTC", "operator": "", "licence": "", "attribution": "",
    }  # fmt: skip
    return pd.DataFrame([{name: known.get(name) for name in STATION_COLUMNS}])


def measured_by(kind: str, values: np.ndarray) -> pd.DataFrame:
    known = {
        "station_id": f"{kind}:1", "time": END, "period_s": 3600, "latitude": 48.86, "longitude": 2.35,
        "altitude_m": 30.0, "variable": "pm25", "value": values, "quality_flag": 2, "source": kind, "coverage": 1.0,
        "uncertainty": np.nan, "received_at": END,
    }  # fmt: skip
    return pd.DataFrame(known)[list(OBSERVATION_COLUMNS)]


@pytest.fixture
def bag(tmp_path):
    """A device on a balcony, at one a quarter of an hour, that reads 6 + 1.8 times the truth."""
    with Tables.open(f"sqlite:///{tmp_path}/brise.sqlite") as tables:
        owner, _ = tables.owners.create()
        tables.tracker, _ = tables.owners.register(owner.key, {"model": "Flow"})
        tables.owner, tables.mine = owner, (owner.key, tables.tracker.key)
        time = pd.date_range(END[0] - timedelta(minutes=45), periods=4 * HOURS, freq="15min")
        pm = np.repeat(6 + 1.8 * TRUTH, 4) * RNG.lognormal(0, 0.05, 4 * HOURS)
        frame = {"time": time, "period_s": 900, "pm25": pm, "latitude": PLACE[0], "longitude": PLACE[1]}
        tables.samples.store_frames(*tables.mine, [check_samples(pd.DataFrame(frame))], 7)
        yield tables


def outdoors(bag, days: float = 20) -> None:
    start = int((NOW - timedelta(days=days)).timestamp())
    bag.choices.label(*bag.mine, [Label("surroundings", start, int(NOW.timestamp()), "outdoors")])


def reference(bag, kind: str = "reference", latitude: float = 48.86) -> None:
    bag.upsert_stations(station(kind, latitude))
    bag.store_observations(measured_by(kind, TRUTH))


def turn(bag, tmp_path, now: datetime = NOW) -> int:
    return CalibrationJob(tmp_path / "products").turn(bag, now)


def test_a_tracker_beside_a_reference_is_calibrated_once_a_day_and_its_owner_told(bag, tmp_path):
    outdoors(bag)
    reference(bag)
    before = owner_exposure(bag, (bag.owner, bag.tracker), (None, None), "UTC")
    assert turn(bag, tmp_path) == 1
    assert turn(bag, tmp_path) == 0
    assert turn(bag, tmp_path, NOW + timedelta(hours=25)) == 1
    found = bag.calibrations.found(*bag.mine)
    assert found
    assert "hours beside a reference" in found[-1].name
    assert sum(one.hours for one in found) >= HOURS - 24
    after = owner_exposure(bag, (bag.owner, bag.tracker), (None, None), "UTC")
    assert after["corrections"]["pm25"] == found[-1].name
    wrong = [abs(one["variables"]["pm25"]["mean"] - TRUTH.mean()) for one in (before, after)]
    assert wrong[1] < 0.1 * wrong[0]  # an offset of 6 and a slope of 1.8 against noise of 5 %


@pytest.mark.parametrize(
    ("days", "kind", "latitude", "why"),
    [
        (20, "reference", 48.9, "0 hours on 0 days"),  # 4 km away
        (20, "simulated", 48.86, "0 hours on 0 days"),
        (1.5, "reference", 48.86, "36 hours on 3 days"),
    ],
)
def test_too_few_hours_are_refused_with_their_number(bag, tmp_path, days, kind, latitude, why):
    outdoors(bag, days)
    reference(bag, kind, latitude)
    turn(bag, tmp_path)
    fitted = bag.calibrations.of(*bag.mine)
    assert fitted.found == []
    assert why in fitted.refused["pm25"]


def test_what_is_not_said_to_be_outdoors_is_not_held_against_the_air_outdoors(bag, tmp_path):
    reference(bag)
    turn(bag, tmp_path)
    assert bag.calibrations.found(*bag.mine) == []
    bag.choices.name_places(bag.owner.key, [NamedPlace("balcony", *PLACE, 50.0, False)])
    turn(bag, tmp_path, NOW + timedelta(days=1, minutes=1))
    assert bag.calibrations.found(*bag.mine)


@pytest.mark.parametrize("simulated", [False, True])
def test_without_stations_the_platforms_own_map_is_the_reference_unless_simulated(bag, town, tmp_path, simulated):
    outdoors(bag)
    grid = Grid("town", 48.9, 2.2, 0.02, 8, 12)
    town.publish(tmp_path, grid=grid, simulated=simulated)
    about = {"units": "ug m-3", "standard_name": VARIABLES["pm25"].cf_name}
    values = np.broadcast_to(TRUTH.astype(np.float32)[:, None, None], (HOURS, grid.rows, grid.columns))
    where = {"time": END.tz_localize(None), "latitude": grid.latitude, "longitude": grid.longitude}
    for _, part in xr.Dataset({"pm25": (("time", "latitude", "longitude"), values, about)}, where).groupby("time.date"):
        store_analysis(tmp_path / "products", "air_quality", "town", part)
    turn(bag, tmp_path)
    found = bag.calibrations.found(*bag.mine)
    assert (found == []) is simulated
    assert all("beside the city's map" in one.name for one in found)


def test_what_was_learned_of_earlier_weeks_stays_for_them(bag, tmp_path):
    outdoors(bag)
    reference(bag)
    turn(bag, tmp_path, NOW - timedelta(days=10))
    first = bag.calibrations.found(*bag.mine)
    turn(bag, tmp_path, NOW + timedelta(days=55))  # only the newest five days are within the window
    second = bag.calibrations.found(*bag.mine)
    assert second[0] == first[0]
    assert second[-1].end == NOW
    pieces = [(one.start, one.end) for one in second]
    assert all(a[1] <= b[0] for a, b in pairwise(pieces))
