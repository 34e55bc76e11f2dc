"""The crowd's map from what owners share, and that it forgets who leaves."""

from datetime import UTC, datetime, timedelta

import h3
import numpy as np
import orjson
import pandas as pd
import pytest

from brise.conventions.errors import StoreError
from brise.conventions.trackers import check_samples
from brise.io.tables import Tables
from brise.io.tracker_choices import Period
from brise.service.jobs.crowd import KEY, CrowdJob, build, crowd_file, server_secret, withdraw
from brise.service.jobs.erase import erase_owner

NOW = datetime(2026, 5, 4, 12, 30, tzinfo=UTC)
START = (48.85, 2.30)
M = 1 / 111_194.9


@pytest.fixture
def tables(tmp_path):
    with Tables.open(f"sqlite:///{tmp_path / 'brise.sqlite'}") as store:
        yield store


def walker(tables, pm25, share=True, home=0.0):
    """Somebody who walks 3 km east through one street between 11:00 and 12:00, from a home of their own."""
    owner, _ = tables.owners.create()
    tracker, _ = tables.owners.register(owner.key, {"name": "Bag"})
    time = pd.date_range("2026-05-03T22:00", "2026-05-04T12:00", freq="min", tz="UTC")
    minute = np.arange(len(time)) - 780
    east = np.clip(minute, 0, None) * 60.0  # 1 m/s from 11:00
    latitude = START[0] + np.where(minute < 0, home, 0.0) * M
    longitude = START[1] + east * M / np.cos(np.radians(START[0])) - np.where(minute < 0, 3000 * M, 0.0)
    frame = check_samples(pd.DataFrame({"time": time, "latitude": latitude, "longitude": longitude, "pm25": pm25}))
    tables.samples.store_frames(owner.key, tracker.key, [frame], 7)
    if share:
        tables.choices.share(owner.key, tracker.key, [Period(0, None)])
    return owner


def cells_of(tmp_path, key="hour/8"):
    return orjson.loads(crowd_file(tmp_path).read_bytes())["cells"][key]


def test_three_who_share_are_shown_and_two_are_not(tables, tmp_path):
    owners = [walker(tables, value) for value in (10.0, 12.0, 14.0)]
    walker(tables, 99.0, share=False)
    job = CrowdJob(tmp_path)
    assert job.turn(tables, NOW)
    assert not job.turn(tables, NOW)  # once an hour
    rows = cells_of(tmp_path)
    assert rows
    assert {row[3] for row in rows} == {12}
    assert job.turn(tables, NOW + timedelta(hours=1))
    erase_owner(tables, tmp_path, owners[0].key)
    assert not crowd_file(tmp_path).exists()  # at once
    assert job.turn(tables, NOW + timedelta(hours=1))  # and made anew without them
    assert cells_of(tmp_path) == []


def test_homes_are_not_in_it(tables, tmp_path):
    for value in (10.0, 12.0, 14.0):
        walker(tables, value)  # all three live in one house
    CrowdJob(tmp_path).turn(tables, NOW)
    home = h3.latlng_to_cell(START[0], START[1] - 3000 * M, 9)
    shown = {row[0] for rows in orjson.loads(crowd_file(tmp_path).read_bytes())["cells"].values() for row in rows}
    finest = {one for one in shown if h3.get_resolution(one) >= 9}
    assert finest
    assert not finest & {home, *(cell for cell in h3.cell_to_children(home, 10))}


def test_what_is_withdrawn_while_a_map_is_made_is_not_shown(tables, tmp_path, monkeypatch):
    for value in (10.0, 12.0, 14.0):
        walker(tables, value)

    def slowly(*arguments):
        made = build(*arguments)
        withdraw(tmp_path)
        return made

    monkeypatch.setattr("brise.service.jobs.crowd.build", slowly)
    job = CrowdJob(tmp_path)
    job.turn(tables, NOW)
    assert not crowd_file(tmp_path).exists()


def test_nothing_shared_is_an_empty_map(tables, tmp_path):
    assert CrowdJob(tmp_path).turn(tables, NOW)
    assert cells_of(tmp_path) == []


def test_the_secret_is_made_once_and_for_the_server_alone(tmp_path):
    first = server_secret(tmp_path)
    assert server_secret(tmp_path) == first
    assert (tmp_path / KEY).stat().st_mode & 0o777 == 0o600
    (tmp_path / KEY).write_bytes(b"short")
    with pytest.raises(StoreError, match="5 bytes, not 32"):
        server_secret(tmp_path)
