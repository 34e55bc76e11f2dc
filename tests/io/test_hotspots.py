"""Hotspots in the store: each once, found by time and place."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from brise.io.hotspots import Hotspots
from brise.io.sources.firms import Hotspot

NOW = datetime(2026, 11, 23, 12, tzinfo=UTC)
SPOT = Hotspot(-26.5, 28.3, NOW - timedelta(hours=2), "N20", "VIIRS", "nominal", 331.2, 4.5, 400.0, 360.0)


@pytest.fixture
def table(database_url):
    kept = Hotspots.open(database_url)
    yield kept
    kept.close()


def test_what_is_told_twice_is_kept_once(table):
    other = replace(SPOT, latitude=-26.504)
    assert table.store([SPOT, other], "firms", NOW) == 2
    assert table.store([SPOT, replace(SPOT, satellite="N21")], "firms", NOW) == 1
    found = table.read(NOW - timedelta(days=1), NOW)
    assert len(found) == 3
    assert found[0].spot.pixel_m == pytest.approx(SPOT.pixel_m)
    assert (found[0].source, found[0].received_at) == ("firms", NOW)


def test_many_rows_in_one_go(table):
    spots = [replace(SPOT, longitude=round(20 + n / 1000, 3)) for n in range(1200)]
    assert table.store(spots, "firms", NOW) == 1200
    assert len(table.read(NOW - timedelta(days=1), NOW, limit=50)) == 50


def test_by_time_and_place_across_the_date_line(table):
    far = replace(SPOT, latitude=65.0, longitude=-179.9, power_mw=float("nan"))
    table.store([SPOT, far, replace(far, longitude=179.9), replace(far, longitude=0.0)], "firms", NOW)
    day = (NOW - timedelta(days=1), NOW)
    assert {one.spot.longitude for one in table.read(*day, (60.0, 179.0, 70.0, -179.0))} == {-179.9, 179.9}
    assert [one.spot.latitude for one in table.read(*day, (-27.0, 28.0, -26.0, 29.0))] == [-26.5]
    assert table.read(NOW - timedelta(hours=1), NOW) == []


def test_old_ones_are_forgotten(table):
    table.store([SPOT], "firms", NOW)
    assert table.forget(NOW - timedelta(hours=3)) == 0
    assert table.forget(NOW) == 1
