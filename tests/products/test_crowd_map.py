"""The crowd's map: three owners or nothing, each owner one voice, coarser where finer is silent."""

import json
from datetime import UTC, datetime

import h3
import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from brise.conventions.errors import InputError
from brise.formulas.privacy import K
from brise.products.crowd_map import (
    RESOLUTIONS,
    VOICE_COLUMNS,
    aggregate,
    feature,
    inside,
    make,
    read_crowd_map,
    tile_png,
    voices,
)

NOW = datetime(2026, 5, 4, 12, 30, tzinfo=UTC)
HOUR = int(NOW.timestamp()) // 3600 * 3600
PARIS = h3.latlng_to_cell(48.8566, 2.3522, 10)


def said(*rows):
    """Voices: (owner, cell, value[, hours before the last])."""
    table = [(o, c, HOUR - 3600 * (more[0] if more else 0), "pm25", v, 4.0) for o, c, v, *more in rows]
    return pd.DataFrame(table, columns=list(VOICE_COLUMNS))


@settings(max_examples=80, deadline=None)
@given(
    st.lists(
        st.tuples(st.integers(1, 6), st.integers(0, 30), st.floats(0, 300), st.integers(0, 30)), min_size=0, max_size=60
    ),
    st.sampled_from(RESOLUTIONS),
)
def test_no_cell_is_shown_of_fewer_than_three_owners(rows, resolution):
    around = h3.grid_disk(PARIS, 3)
    heard = said(*((owner, around[place], value, ago) for owner, place, value, ago in rows))
    made = make(heard, NOW, b"s")
    for (period, level), cells in made.cells.items():
        for one in cells:
            own = heard[
                (heard["cell"].map(lambda cell, level=level: h3.cell_to_parent(cell, level)) == one.cell)
                & (heard["time"] > one.start.timestamp())
                & (heard["time"] <= one.end.timestamp())
            ]
            assert own["owner"].nunique() >= K, period
    for one in made.shown("hour", "pm25", datetime.fromtimestamp(HOUR - 3600, UTC), resolution):
        assert h3.get_resolution(one.cell) <= resolution


def test_an_owner_is_one_voice_however_much_they_say():
    loud = [(1, PARIS, 200.0)] * 50
    (cell,) = aggregate(said(*loud, (2, PARIS, 10.0), (3, PARIS, 12.0)), 10, "hour", b"s")
    assert cell.value == 12
    assert cell.uncertainty > 3  # what three sensors share does not average out: 4 * sqrt(2/3)


def test_more_owners_who_agree_are_surer():
    few, many = (
        aggregate(said(*((k, PARIS, 10.0 + k % 3) for k in range(n))), 10, "hour", b"s")[0].uncertainty for n in (3, 30)
    )
    assert many < few


def test_where_finer_cells_are_silent_the_coarser_one_speaks():
    near = [one for one in h3.cell_to_children(h3.cell_to_parent(PARIS, 9), 10) if one != PARIS]
    full = [(k, PARIS, 20.0) for k in range(3)]
    lonely = [(k, near[k], 40.0) for k in range(2)]
    far = h3.latlng_to_cell(48.95, 2.6, 10)
    spread = [(k, h3.cell_to_children(h3.cell_to_parent(far, 9), 10)[k], 30.0) for k in range(3)]
    made = make(said(*full, *lonely, *spread), NOW, b"s")
    shown = made.shown("hour", "pm25", datetime.fromtimestamp(HOUR - 3600, UTC), 10)
    assert {one.cell for one in shown} == {PARIS, h3.cell_to_parent(far, 9)}  # no coarser cell over a finer one
    assert made.newest("hour", "pm25") == datetime.fromtimestamp(HOUR - 3600, UTC)
    assert made.newest("hour", "no2") is None


def test_only_whole_periods_that_are_over():
    made = make(said(*((k, PARIS, 20.0, -1) for k in range(3))), NOW, b"s")  # ends at 13:00
    assert not any(made.cells.values())
    made = make(said(*((k, PARIS, 20.0) for k in range(3))), NOW, b"s")
    assert made.cells["hour", 10]
    assert not made.cells["day", 10]  # today is not over


def test_what_is_published_survives_its_json_and_is_not_exact():
    made = make(said(*((k, PARIS, 20.123) for k in range(3))), NOW, b"s")
    text = json.dumps(made.to_json())
    assert "20.123" not in text
    again = read_crowd_map(json.loads(text))
    assert again.cells == made.cells
    with pytest.raises(InputError, match="not as written"):
        read_crowd_map({"cells": {"year/3": [[]]}})


def test_samples_become_voices_by_cell_and_hour():
    times = pd.date_range("2026-05-04T10:01", periods=120, freq="min", tz="UTC")
    samples = pd.DataFrame({"time": times, "latitude": 48.8566, "longitude": 2.3522})
    values = pd.DataFrame({"pm25": np.arange(120.0), "temperature": 290.0})
    found = voices(7, samples, values, values * 0 + 5)
    assert found["value"].tolist() == [29.5, 89.5]  # medians of 10:01 to 11:00 and 11:01 to 12:00
    assert found["cell"].tolist() == [PARIS, PARIS]
    assert set(found["variable"]) == {"pm25"}
    assert voices(7, samples[:0], values[:0], values[:0]).empty


def test_cells_as_features_and_pixels():
    (cell,) = aggregate(said(*((k, PARIS, 35.0) for k in range(3))), 10, "hour", b"s")
    told = feature(cell)
    assert told["geometry"]["coordinates"][0][0] == told["geometry"]["coordinates"][0][-1]
    assert told["properties"]["value"] == 35
    assert inside([cell], (2.3, 48.8, 2.4, 48.9)) == [cell]
    assert inside([cell], (2.4, 48.8, 2.3, 48.9)) == []  # the rest of the Earth
    assert tile_png([cell], (14, 8299, 5636)) is not None
    assert tile_png([cell], (14, 0, 0)) is None
