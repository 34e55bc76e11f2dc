from dataclasses import replace

import numpy as np
import pytest
from tests.products.fire_cases import grass, middle, options, stream

from brise.conventions.errors import InputError
from brise.products.fire_ensemble import ensemble
from brise.products.fire_run import Spreads
from brise.products.fire_spread import simulate
from brise.products.fire_summary import summarise

SURE = Spreads(0.0, 0.0, 3.0, 0.0, 0.0, 0.0, 0.0)


def test_no_uncertainty_is_the_one_fire():
    land = grass()
    asked = options(1.0, members=4, spreads=SURE)
    many, one = ensemble(land, stream(), [middle(land)], asked), simulate(land, stream(), [middle(land)], asked)
    np.testing.assert_array_equal(many.probability, np.isfinite(one.arrival))
    burned = np.isfinite(one.arrival)
    np.testing.assert_allclose(many.arrival[1][burned], one.arrival[burned], atol=60 / 64)  # within its bin
    np.testing.assert_allclose(many.flame_length[burned], one.flame_length[burned], rtol=1e-5)
    np.testing.assert_allclose(many.area_ha, one.area_ha(60))


def test_members_differ_and_a_seed_repeats_them():
    land = grass(161, 161)
    asked = options(1.0, members=24, seed=3)
    first = ensemble(land, stream(), [middle(land)], replace(asked, workers=1))
    again = ensemble(land, stream(), [middle(land)], replace(asked, workers=3))
    other = ensemble(land, stream(), [middle(land)], replace(asked, seed=4))
    np.testing.assert_array_equal(first.probability, again.probability)
    np.testing.assert_array_equal(first.area_ha, again.area_ha)
    assert (first.area_ha != other.area_ha).any()
    assert first.area_ha.std() > 0.2 * first.area_ha.mean()
    assert first.probability.max() == pytest.approx(1.0, abs=1e-5)  # single-precision sums
    some = (first.probability > 0.05) & (first.probability < 0.95)
    assert some.any()
    early, middle_, late = first.arrival
    both = np.isfinite(late)
    assert (early[both] <= middle_[both]).all()
    assert (middle_[both] <= late[both]).all()
    assert (np.isfinite(late) <= (first.probability >= 0.9 - 1e-4)).all()


def test_each_error_alone_matters():
    land = grass(161, 161)
    for name, size in (
        ("wind_speed", 0.4), ("wind_direction", 30.0), ("dead_moisture", 0.4), ("live_moisture", 0.4), ("rate", 0.4),
        ("fuel_rate", 0.4), ("ignition_m", 100.0),
    ):  # fmt: skip
        many = ensemble(land, stream(), [middle(land)], options(0.5, members=6, spreads=replace(SURE, **{name: size})))
        assert ((many.probability > 0.01) & (many.probability < 0.99)).any(), name


def test_the_page_tells_the_uncertainty():
    land = grass()
    asked = options(2.0, members=8)
    page = summarise(simulate(land, stream(), [middle(land)], asked), ensemble(land, stream(), [middle(land)], asked))[
        "uncertainty"
    ]
    assert page["members"] == 8
    assert page["area_ha_q10"][1] <= page["area_ha_q50"][1] <= page["area_ha_q90"][1]
    assert len(page["area_ha_q50"]) == 2


def test_progress_is_told_and_can_end_a_run():
    told = []
    land = grass()
    ensemble(land, stream(), [middle(land)], options(0.5, members=3), told.append)
    np.testing.assert_allclose(told, [1 / 3, 2 / 3, 1.0])

    def stop(share):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        ensemble(land, stream(), [middle(land)], options(0.5, members=3), stop)


def test_no_members_is_refused():
    with pytest.raises(InputError, match="at least one member, not 0"):
        ensemble(grass(), stream(), [middle(grass())], options())
