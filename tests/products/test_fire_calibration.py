from dataclasses import replace

import numpy as np
import pytest
from tests.products.fire_cases import START, grass, middle, options, stream

from brise.conventions.errors import InputError
from brise.conventions.fire import FireStart
from brise.products import fire_calibration
from brise.products.fire_calibration import calibrate, masks, reforecast
from brise.products.fire_restart import perimeter_of, restart
from brise.products.fire_spread import simulate
from brise.products.fire_summary import perimeters


@pytest.fixture(autouse=True)
def _few_particles(monkeypatch):
    monkeypatch.setattr(fire_calibration, "PARTICLES", 40)


def seen(result, minutes, time=True):
    when = START + np.timedelta64(int(minutes * 60), "s") if time else None
    return [
        FireStart(tuple(polygon[0][:, 0]), tuple(polygon[0][:, 1]), closed=True, time=when)
        for polygon in perimeters(result.grid, result.arrival, minutes)
    ]


def test_a_fire_twice_as_fast_is_found():
    land, weather = grass(121, 121), stream()
    truth = simulate(land, weather, [middle(land)], options(1.0, rate_factor=2.0))
    asked = options(1.0, parts=1)
    told = []
    found = calibrate(land, weather, [middle(land)], replace(asked, hours=1.0), seen(truth, 30), told.append)
    assert found.before[0] < 0.35
    assert found.after[0] > 0.8
    assert found.best[0] >= found.after[0]
    mean = dict(zip(found.names, found.weights @ found.values, strict=True))
    assert 1.5 < mean["rate"] * mean["wind_speed"] ** 1.5 < 2.7  # a stronger wind does much of what a faster fuel does
    assert 2 < found.effective <= len(found.weights)
    assert told[-1] == 1.0
    page = found.page()
    assert page["jaccard_after"][0] > page["jaccard_before"][0]
    again = simulate(land, weather, [middle(land)], asked, factors=found.mean)
    np.testing.assert_allclose(again.area_ha(60) / truth.area_ha(60), 1.0, atol=0.25)  # the half hour not seen
    many = reforecast(land, weather, [middle(land)], replace(asked, members=6), found)
    assert many.members == 6
    assert many.probability.max() <= 1.0


def test_a_forecast_goes_on_from_the_perimeter():
    land, weather = grass(121, 121), stream()
    known = middle(land)
    unknown = replace(known, y=(known.y[0] + 500.0,))  # a second fire that nobody reported
    truth = simulate(land, weather, [known, unknown], options(2.0, rate_factor=1.5))
    asked, lines = options(1.0, parts=1, members=6), seen(truth, 30)
    found = calibrate(land, weather, [known], asked, lines)
    on = restart((land, weather, [known], asked), found, lines)
    until = simulate(land, weather, [known], asked, factors=found.mean)

    def overlap(result, minutes):
        ours, theirs = result.arrival <= minutes, truth.arrival <= minutes
        return (ours & theirs).sum() / (ours | theirs).sum()

    assert overlap(on.result, 30) > 0.9 > overlap(until, 30)
    assert overlap(on.result, 60) > overlap(until, 60)
    mask = masks(land.grid, asked, lines)[0].mask
    assert (on.result.arrival[~mask & np.isfinite(on.result.arrival)] >= 30).all()
    assert on.page["minutes"] == 30
    assert on.page["area_ha_from_perimeter"] == [round(on.result.area_ha(60), 4)]
    assert on.ensemble.probability[mask & (truth.arrival <= 30)].min() == 1.0
    assert np.nanmin(on.ensemble.arrival[1]) < 5  # before the perimeter: the calibrated fire
    assert any("starts from the perimeter" in line for line in on.result.assumptions)
    assert perimeter_of(seen(truth, 30, time=False), asked) == []
    assert restart((land, weather, [known], replace(asked, hours=0.5)), found, lines) is None


def test_a_perimeter_beyond_the_landscape_is_cut_at_its_edge():
    land, weather = grass(), stream()
    beyond = FireStart(
        (900.0, 1400.0, 1400.0, 900.0), (5100.0, 5100.0, 4600.0, 4600.0), True, START + np.timedelta64(600, "s")
    )
    corner = [FireStart((1200.0,), (4800.0,))]
    found = calibrate(land, weather, corner, options(0.5, parts=1), [beyond])
    on = restart((land, weather, corner, options(0.5, parts=1)), found, [beyond])
    assert on.ensemble is None
    assert (on.result.arrival[:20, :20] <= 10.01).all()


def test_a_perimeter_of_unknown_age_tells_its_age():
    land, weather = grass(), stream()
    truth = simulate(land, weather, [middle(land)], options(0.5))
    found = calibrate(land, weather, [middle(land)], options(0.8, parts=1), seen(truth, 20, time=False))
    assert found.after[0] > 0.8
    assert 8 < found.minutes[0] < 45


def test_perimeters_are_checked():
    land = grass()
    with pytest.raises(InputError, match="no observed perimeter"):
        masks(land.grid, options(), [])
    with pytest.raises(InputError, match="must be a polygon"):
        masks(land.grid, options(), [middle(land)])
    box = ((1200.0, 1400.0, 1400.0), (4800.0, 4800.0, 4600.0))
    late = FireStart(*box, closed=True, time=START + np.timedelta64(2, "h"))
    with pytest.raises(InputError, match="outside the 1 h"):
        masks(land.grid, options(), [late])
    with pytest.raises(InputError, match="no cell of the landscape"):
        masks(land.grid, options(), [FireStart((1.0, 2.0, 3.0), (1.0, 2.0, 1.0), closed=True)])
    two = [replace(late, time=None), FireStart(*box, closed=True)]
    assert len(masks(land.grid, options(), two)) == 1
