"""Multipliers from observed perimeters: which rates and winds make the simulated fire lie on the one that was seen.

Adaptive importance sampling (Cappé et al. 2004, *Population Monte Carlo*): particles are drawn from a prior, weighed by
how well their fires cover the perimeters, and drawn again round the weighted mean with the weighted covariance; weights
stay prior times likelihood over proposal. The likelihood is exp(-(1 - J)**2 / (2 s**2)), J the Jaccard index of burned
and observed cells: s is as small as leaves a share of the particles in effect, and never below `SHARPEST`.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from brise.conventions.errors import InputError
from brise.conventions.fire import FireGrid, FireStart, FireWeather, Landscape
from brise.formulas.fire.front import inside_of
from brise.formulas.fire.fuel_models import NON_BURNABLE
from brise.products.fire_burn import Burned, Factors, Scene, burn, scene_of
from brise.products.fire_ensemble import gathered, in_order, shaken
from brise.products.fire_run import Array32, FireEnsemble, FireOptions, Progress

Array = NDArray[np.float64]
Mask = NDArray[np.bool_]

PARTICLES, ROUNDS = 120, 4
SHARPEST = 0.05
"""Misfit of 1 - J that no calibration is trusted to be finer than."""
_IN_EFFECT = 0.3  # share of the particles
_WIDER = 1.3  # than the weighted covariance
_EASY = 0.1  # share of the proposals that still come from the prior

GROUPS = {
    "grass": ((1, 3), (101, 109)),
    "grass_shrub": ((121, 124),),
    "shrub": ((4, 7), (141, 149)),
    "timber_understory": ((10, 10), (161, 165)),
    "timber_litter": ((8, 9), (181, 189)),
    "slash": ((11, 13), (201, 204)),
}
"""Fuel models that share a multiplier; those that are not built in share another, `own`."""

PRIOR = {"rate": 0.6, "wind_speed": 0.25, "wind_turn": 15.0, "fuel": 0.35}
"""Standard deviations: of logarithms, the turn in degrees."""


@dataclass(frozen=True, slots=True, eq=False)
class Observed:
    """What was seen at one time.

    Attributes:
        mask: (Y, X) of the landscape, burned.
        minutes: Since the fire's start; None is unknown, and each particle takes its best.
    """

    mask: Mask
    minutes: float | None


@dataclass(frozen=True, slots=True, eq=False)
class Calibration:
    """What the perimeters say.

    Attributes:
        factors: (N) of the particles.
        weights: (N) that add up to 1.
        names: Of the parameters.
        values: (N, P) of them, factors and degrees.
        effective: Effective number of particles, 1 / sum of squared weights.
        before: Jaccard index of each perimeter with the inputs as they are.
        after: The weighted mean of the particles' indices.
        best: Of the particle that fits best.
        minutes: Of each perimeter: as given, or the weighted mean of the particles' best.
        mean: The factors of the weighted mean.
    """

    factors: tuple[Factors, ...]
    weights: Array
    names: tuple[str, ...]
    values: Array
    effective: float
    before: tuple[float, ...]
    after: tuple[float, ...]
    best: tuple[float, ...]
    minutes: tuple[float, ...]
    mean: Factors

    def page(self) -> dict[str, object]:
        """For the summary."""
        mean = self.weights @ self.values
        spread = np.sqrt(self.weights @ (self.values - mean) ** 2)
        return {
            "particles": len(self.weights),
            "effective_particles": round(self.effective, 1),
            "jaccard_before": [round(value, 4) for value in self.before],
            "jaccard_after": [round(value, 4) for value in self.after],
            "jaccard_best": [round(value, 4) for value in self.best],
            "minutes": [round(value, 1) for value in self.minutes],
            "factors": {
                name: {"mean": round(float(m), 4), "sd": round(float(s), 4)}
                for name, m, s in zip(self.names, mean, spread, strict=True)
            },
        }


def calibrate(
    landscape: Landscape,
    weather: FireWeather,
    starts: list[FireStart],
    options: FireOptions,
    observed: Sequence[FireStart],
    progress: Progress | None = None,
) -> Calibration:
    """The multipliers that the perimeters speak for.

    Args:
        landscape: What burns.
        weather: Of the fire up to the last perimeter, at least.
        starts: Where and when it began.
        options: How; `seed` and `workers` are of the particles.
        observed: Closed; those of one time belong together. Without a time, one perimeter of unknown age.
        progress: Called with the share done.

    Raises:
        InputError: As `scene_of`; or no closed perimeter, one that holds no cell, or one outside the time simulated.
    """
    seen = masks(landscape.grid, options, observed)
    known = [each.minutes for each in seen]
    if None not in known:
        options = replace(options, hours=max(minutes for minutes in known if minutes is not None) / 60.0)
    scene = scene_of(landscape, weather, starts, replace(options, members=PARTICLES * ROUNDS))
    return _search(scene, seen, progress)


def masks(grid: FireGrid, options: FireOptions, observed: Sequence[FireStart]) -> list[Observed]:
    """The cells of each perimeter, in order of time.

    Raises:
        InputError: As `calibrate` says.
    """
    found: dict[float | None, Mask] = {}
    for each in observed:
        if not each.closed:
            raise InputError("an observed perimeter must be a polygon")
        minutes = None if each.time is None else float((each.time - options.start) / np.timedelta64(1, "s")) / 60.0
        if minutes is not None and not 0 < minutes <= options.hours * 60.0:
            raise InputError(f"a perimeter of {each.time} is outside the {options.hours:g} h from {options.start}")
        columns = (np.asarray(each.x) - grid.west) / grid.cell_m - 0.5
        rows = (grid.north - np.asarray(each.y)) / grid.cell_m - 0.5
        mask = _within(np.stack([columns, rows], axis=-1), grid.shape)
        found[minutes] = found[minutes] | mask if minutes in found else mask
    if not found:
        raise InputError("no observed perimeter was given")
    for minutes, mask in found.items():
        if not mask.any():
            at = "unknown time" if minutes is None else f"{minutes:.0f} min"
            raise InputError(f"the perimeter of {at} holds no cell of the landscape")
    return [Observed(mask, minutes) for minutes, mask in sorted(found.items(), key=lambda item: item[0] or 0.0)]


def _within(corners: Array, shape: tuple[int, int]) -> Mask:
    mask = np.zeros(shape, bool)
    low = np.maximum(np.floor(corners.min(axis=0)).astype(int), 0)
    high = np.minimum(np.ceil(corners.max(axis=0)).astype(int) + 1, (shape[1], shape[0]))
    if (high > low).all():
        size = (int(high[1] - low[1]), int(high[0] - low[0]))
        mask[low[1] : high[1], low[0] : high[0]] = inside_of(corners - low, size)
    return mask


def agreement(arrival: Array32, mask: Mask, minutes: float, total: int | None = None) -> tuple[float, float]:
    """Jaccard index and area ratio (simulated over observed) of what had burned at a time, (Y, X) minutes.

    `total` counts the mask's cells where part of them lies outside these.

    >>> agreement(np.array([[1.0, 2.0, np.nan]]), np.array([[True, False, True]]), 5.0)
    (0.3333333333333333, 1.0)
    """
    burned = arrival <= minutes
    both, count, seen = int((burned & mask).sum()), int(burned.sum()), total or int(mask.sum())
    return both / (count + seen - both), count / seen


def best_time(arrival: Array32, mask: Mask, total: int | None = None) -> tuple[float, float, float]:
    """The time (minutes) at which the fire covers the mask best, its Jaccard index, and the area ratio then.

    `total` as in `agreement`.

    >>> best_time(np.array([[1.0, 2.0, 3.0]], np.float32), np.array([[True, True, False]]))
    (2.0, 1.0, 1.0)
    """
    burned = np.isfinite(arrival)
    times = arrival[burned]
    if not times.size:
        return 0.0, 0.0, 0.0
    order = np.argsort(times, kind="stable")
    hit = np.cumsum(mask[burned][order])
    total = total or int(mask.sum())
    index = hit / (total + np.arange(1, len(order) + 1) - hit)
    sorted_times = times[order]
    last = np.append(sorted_times[1:] > sorted_times[:-1], True)  # cells of one time burn together
    k = int(np.argmax(np.where(last, index, -1.0)))
    return float(sorted_times[k]), float(index[k]), (k + 1) / total


@dataclass(frozen=True, slots=True, eq=False)
class _Search:
    """What is searched: standard normal particles times `width` are logarithms of factors, and a turn in degrees."""

    scene: Scene
    seen: list[Observed]
    names: tuple[str, ...]
    width: Array
    groups: dict[str, list[int]]
    reach: int

    def factors(self, z: Array) -> Factors:
        """Of one particle."""
        value = dict(zip(self.names, (z * self.width).tolist(), strict=True))
        fuel = {code: float(np.exp(value[name])) for name, codes in self.groups.items() for code in codes}
        return Factors(
            wind_speed=float(np.exp(value["wind_speed"])),
            wind_turn=value["wind_turn"],
            rate=float(np.exp(value["rate"])),
            fuel=fuel,
        )

    def values(self, z: Array) -> Array:
        """(N, P) as people read them: factors, and degrees."""
        scaled = z * self.width
        return np.where(np.array(self.names) == "wind_turn", scaled, np.exp(scaled))

    def told(self, factors: Sequence[Factors]) -> Array:
        """(N, observed, 2): Jaccard index and minutes."""

        def one(k: int) -> list[tuple[float, float]]:
            burned = burn(self.scene, factors[k], self.reach)
            top, bottom, left, right = burned.window
            arrival = burned.front.arrival / np.float32(60.0)
            found = []
            for each in self.seen:
                mask, total = each.mask[top:bottom, left:right], int(each.mask.sum())
                if each.minutes is None:
                    minutes, index, _ = best_time(arrival, mask, total)
                else:
                    minutes, index = each.minutes, agreement(arrival, mask, each.minutes, total)[0]
                found.append((index, minutes))
            return found

        return np.array(list(in_order(one, len(factors), self.scene.options.workers)))


def _search(scene: Scene, seen: list[Observed], progress: Progress | None) -> Calibration:
    tell = progress or (lambda _: None)
    burned = burn(scene)
    groups = _groups(scene, burned)
    names = ("rate", "wind_speed", "wind_turn", *groups)
    width = np.array([PRIOR["rate"], PRIOR["wind_speed"], PRIOR["wind_turn"], *[PRIOR["fuel"]] * len(groups)])
    search = _Search(scene, seen, names, width, groups, burned.reach)
    rng = np.random.default_rng(np.random.SeedSequence(scene.options.seed))
    proposals: list[tuple[Array, Array]] = [(np.zeros(len(width)), np.eye(len(width)))]
    z, fits, weights = np.zeros((0, len(width))), np.zeros((0, len(seen), 2)), np.zeros(0)
    for step in range(ROUNDS):
        fresh = _proposed(rng, *proposals[-1])
        z = np.concatenate([z, fresh])
        fits = np.concatenate([fits, search.told([search.factors(row) for row in fresh])])
        weights = _weights(1.0 - fits[..., 0].mean(axis=1), _over_proposals(z, proposals))
        centre = weights @ z
        spread = (z - centre).T @ (weights[:, None] * (z - centre)) * _WIDER + 1e-3 * np.eye(len(width))
        proposals.append((centre, np.asarray(np.linalg.cholesky(spread))))
        tell((step + 1) / ROUNDS)
    return _calibration(search, z, fits, weights)


def _calibration(search: _Search, z: Array, fits: Array, weights: Array) -> Calibration:
    kept = np.flatnonzero(weights > 1e-4 / len(weights))
    share, fits = weights[kept] / weights[kept].sum(), fits[kept]
    before = search.told([Factors()])[0]
    best = int(fits[..., 0].mean(axis=1).argmax())
    return Calibration(
        tuple(search.factors(row) for row in z[kept]),
        share,
        search.names,
        search.values(z[kept]),
        float(1.0 / (share**2).sum()),
        tuple(before[:, 0].tolist()),
        tuple((share @ fits[..., 0]).tolist()),
        tuple(fits[best, :, 0].tolist()),
        tuple((share @ fits[..., 1]).tolist()),
        search.factors(share @ z[kept]),
    )


def _groups(scene: Scene, burned: Burned) -> dict[str, list[int]]:
    """The fuel models near the fire by the group whose multiplier they share; none where there is only one group."""
    codes = [int(code) for code in scene.ready(burned.window).terrain.codes]
    found: dict[str, list[int]] = {}
    for code in sorted(set(codes)):
        if code in NON_BURNABLE or code < 0:
            continue
        name = next((name for name, spans in GROUPS.items() if any(a <= code <= b for a, b in spans)), "own")
        found.setdefault(name, []).append(code)
    return found if len(found) > 1 else {}


def _proposed(rng: np.random.Generator, centre: Array, root: Array) -> Array:
    z = rng.standard_normal((PARTICLES, len(centre)))
    easy = np.arange(PARTICLES) < round(_EASY * PARTICLES)
    return np.where(easy[:, None], z, centre + z @ root.T)


def _over_proposals(z: Array, proposals: Sequence[tuple[Array, Array]]) -> Array:
    """Prior over the mixture of all proposals so far, (N), up to a constant."""
    prior = np.exp(-0.5 * (z**2).sum(axis=1))
    mixed = np.zeros(len(z))
    for centre, root in proposals:
        turned = np.linalg.solve(root, (z - centre).T)
        near = np.exp(-0.5 * (turned**2).sum(axis=0)) / abs(float(np.prod(np.diag(root))))
        mixed += _EASY * prior + (1.0 - _EASY) * near
    return np.asarray(prior / mixed)


def _weights(misfit: Array, share: Array) -> Array:
    """Weights of the particles at the sharpest likelihood that leaves enough of them in effect."""
    low, high = SHARPEST, 10.0
    for _ in range(40):
        middle = np.sqrt(low * high)
        weights = _at(misfit, share, middle)
        low, high = (low, middle) if 1.0 / (weights**2).sum() >= _IN_EFFECT * PARTICLES else (middle, high)
    sharp = _at(misfit, share, SHARPEST)
    return sharp if 1.0 / (sharp**2).sum() >= _IN_EFFECT * PARTICLES else _at(misfit, share, high)


def _at(misfit: Array, share: Array, scale: float) -> Array:
    weights = share * np.exp(-0.5 * (misfit**2 - misfit.min() ** 2) / scale**2)
    return np.asarray(weights / weights.sum())


def reforecast(
    landscape: Landscape,
    weather: FireWeather,
    starts: list[FireStart],
    options: FireOptions,
    calibration: Calibration,
    progress: Progress | None = None,
) -> FireEnsemble:
    """The ensemble that the calibrated factors make: `members` of them by their weights, under wind that still errs.

    Raises:
        InputError: As `fire_ensemble.ensemble`.
    """
    if options.members < 1:
        raise InputError(f"an ensemble wants at least one member, not {options.members}")
    scene = scene_of(landscape, weather, starts, options)
    at = (np.arange(options.members) + 0.5) / options.members
    chosen = np.minimum(np.searchsorted(np.cumsum(calibration.weights), at), len(calibration.weights) - 1)
    drawn = shaken(scene, [calibration.factors[k] for k in chosen])
    return gathered(scene, drawn, np.full(options.members, 1.0 / options.members), progress)
