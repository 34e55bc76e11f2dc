"""Puffs of smoke: their sizes are Briggs's, their mass is kept, and together they make the plume of the textbook."""

import numpy as np
import pytest

from brise.formulas.fire.emissions import PM25, emission
from brise.formulas.smoke import (
    Puffs,
    join,
    plume_rise,
    side_way,
    stability,
    up_way,
    vertical,
    widths,
    wind_aloft,
    within,
)  # fmt: skip


def puff(**changes):
    given = {"x": 0.0, "y": 0.0, "mass": 1.0, "height": 0.0, "side": 100.0, "up": 50.0} | changes
    return Puffs(*(np.array([given[name]], float) for name in ("x", "y", "mass", "height", "side", "up")))


@pytest.mark.parametrize("kind", range(6))
def test_a_width_comes_back_from_its_way(kind):
    ways = np.array([1.0, 100.0, 5e3, 4e4])
    side, up = widths(ways, kind)
    np.testing.assert_allclose(side_way(side, kind), ways, rtol=1e-9)  # float64 algebra
    np.testing.assert_allclose(up_way(up, kind), ways, rtol=1e-6)  # E and F saturate: digits are lost near 100 m


def test_more_sun_and_less_wind_are_never_more_stable():
    wind = np.linspace(0.2, 12, 40)[:, None]
    sun = np.array([-10.0, 5.0, 20.0, 50.0, 70.0])
    kinds = stability(wind, sun, 0.0)
    assert (np.diff(kinds[:, 1:], axis=1) <= 0).all()
    assert (np.abs(kinds - 3)[-1] <= np.abs(kinds - 3)[0]).all()
    assert stability(3.0, 30.0, np.nan) == stability(3.0, 30.0, 0.5)


@pytest.mark.parametrize(("sigma", "height", "lid"), [(30.0, 100.0, 1000.0), (400.0, 300.0, 800.0), (2e3, 1.0, 900.0)])
def test_upright_shares_integrate_to_one_under_the_lid(sigma, height, lid):
    at = np.linspace(0.0, lid, 4001)
    # 1e-3: seven images of a puff that reaches the lid; the rest of the row of images is left out
    np.testing.assert_allclose(np.trapezoid(vertical(sigma, height, lid, at), at), 1.0, rtol=1e-3)


def test_above_the_lid_nothing_comes_down():
    assert vertical(50.0, 900.0, 800.0) == 0.0


def test_the_ground_of_one_puff_is_the_analytic_gaussian():
    edges = np.arange(-500.0, 501.0, 1.0)
    one = puff(side=120.0, up=60.0, height=80.0, mass=2.0)
    found = one.ground(edges, edges[::-1], 1e5)
    expected = 2.0 * 2 / ((2 * np.pi) ** 1.5 * 120.0**2 * 60.0) * np.exp(-0.5 * (80.0 / 60.0) ** 2)
    np.testing.assert_allclose(found[499:501, 499:501], expected, rtol=1e-4)  # means over cells of 1 m


def test_mass_on_a_map_that_holds_all_is_kept_whatever_the_wind_does():
    edges = np.linspace(-6e5, 6e5, 401)
    cloud = join(puff(mass=3.0), puff(mass=4.0, height=200.0))
    for hour, kind in enumerate((0, 3, 5, 2)):
        cloud.move((4.0 * (-1) ** hour, 3.0), kind, 3600.0)
        inside = within(edges, cloud.x, cloud.side).sum(axis=1)
        np.testing.assert_allclose((cloud.mass * inside).sum(), 7.0, rtol=1e-12)  # algebra
    assert (cloud.up >= 50.0).all()


@pytest.mark.parametrize("kind", [1, 3, 5])
def test_puffs_in_steady_wind_make_the_gaussian_plume(kind):
    rate, speed, far, high = 0.5, 6.0, 4_000.0, 40.0  # kg/s, m/s at the puffs' height, m, m
    blow = speed / float(wind_aloft(1.0, high, kind)) if kind == 3 else None
    wind = blow or float(np.interp(speed, [wind_aloft(u, high, kind) for u in np.arange(1, 12, 0.01)],
                                   np.arange(1, 12, 0.01)))  # fmt: skip
    step = 2.0
    cloud = puff(mass=0.0, side=1e-3, up=1e-3, height=high)
    for _ in range(int(1.6 * far / speed / step)):
        cloud.move((wind, 0.0), kind, step)
        cloud = join(cloud, puff(mass=rate * step, side=1e-3, up=1e-3, height=high))
    found = cloud.ground(far + np.array([-5.0, 5.0]), np.array([5.0, -5.0]), 1e6)[0, 0]
    side, up = widths(far, kind)
    plume = rate / (np.pi * speed * side * up) * np.exp(-0.5 * (high / up) ** 2)
    # 1 %: a plume takes the widths at the receptor, puffs those of their own ways, longer ahead and shorter behind
    np.testing.assert_allclose(found, plume, rtol=0.01)


def test_plumes_rise_higher_with_heat_and_lower_with_wind_and_in_stable_air():
    assert plume_rise(1e8, 5.0, 3) > plume_rise(1e7, 5.0, 3) > plume_rise(1e7, 10.0, 3)
    assert plume_rise(1e8, 3.0, 5) < plume_rise(1e8, 3.0, 3)
    assert plume_rise(0.0, 3.0, 3) == 0.0


def test_what_does_not_burn_gives_off_nothing_and_crowns_add():
    _, heat, pm25 = emission([98, -1, 999, 145], [0.0, 0.0, 0.0, 1.0])
    assert heat[:3].tolist() == pm25[:3].tolist() == [0.0, 0.0, 0.0]
    alone = emission(145)[2]
    np.testing.assert_allclose(pm25[3] - alone, PM25["timber"], rtol=1e-12)
