"""Domains from station places."""

import numpy as np
import pytest

from brise.products.domains import domains, place_label


def places(*pairs):
    latitude, longitude = np.array(pairs, float).T
    return latitude, longitude


def test_two_cities_are_two_domains_that_hold_their_stations():
    latitude, longitude = places((51.5, -0.1), (51.6, 0.1), (40.0, 116.4), (39.9, 116.3))
    found = domains(latitude, longitude)
    assert len(found) == 2
    for a, b in zip(latitude, longitude, strict=True):
        assert sum(grid.cell(a, b) is not None for grid in found) == 1


def test_cells_keep_in_proportion_to_stations():
    rng = np.random.default_rng(0)
    for count, width in ((1, 0.0), (12, 0.4), (500, 4.0), (3000, 4.5)):
        found = domains(45 + rng.uniform(0, width, count), 5 + rng.uniform(0, width, count))
        assert sum(grid.cells for grid in found) <= max(4096, 40 * count)


def test_a_chain_across_a_continent_is_cut():
    found = domains(np.full(40, 50.0), np.linspace(0, 39, 40))
    assert len(found) == 8
    assert all(grid.step * grid.columns < 6 for grid in found)


def test_the_date_line_does_not_split_a_city():
    found = domains(*places((-17.0, 179.9), (-17.1, -179.9)))
    assert len(found) == 1
    assert found[0].columns * found[0].step < 1
    assert found[0].cell(-17.1, -179.9) is not None
    assert found[0].cell(-17.0, 179.9) is not None


@pytest.mark.parametrize("latitude", [90.0, -90.0])
def test_a_pole_stays_on_earth(latitude):
    (grid,) = domains(np.array([latitude]), np.array([0.0]))
    assert grid.cell(latitude, 0.0) is not None


def test_names_come_from_the_caller_and_never_clash():
    found = domains(*places((51.5, -0.1), (10.0, 10.0)), name=lambda *_: "city")
    assert [grid.name for grid in found] == ["city", "city-2"]
    assert place_label(-33.87, 151.2) == "s339e1512"


def test_no_station_no_domain():
    assert domains(np.zeros(0), np.zeros(0)) == []
