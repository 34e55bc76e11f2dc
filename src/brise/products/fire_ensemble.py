"""Many possible fires: burn probability, when so many of them had arrived, and how high the flames were.

Each member draws its errors of wind, moisture and rates of spread (`fire_run.Spreads`) from its own random numbers, so
the same seed gives the same ensemble on any number of threads. Times are counted in bins, so memory does not grow with
the members.
"""

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from brise.conventions.errors import InputError
from brise.conventions.fire import FireStart, FireWeather, Landscape
from brise.formulas.compiled import compiled
from brise.products.fire_burn import Factors, Scene, burn, flames_of, scene_of
from brise.products.fire_ground import Window
from brise.products.fire_run import Array32, FireEnsemble, FireOptions, Progress
from brise.products.fire_summary import QUANTILES, marks

Array = NDArray[np.float64]
Done = TypeVar("Done")

BINS = 64
"""Of arrival times; a quantile lies within one, linearly."""
_MOST_BIN_CELLS = 200_000_000
_LASTING = 0.5  # share of the wind's variance that lasts all the fire long


@dataclass(frozen=True, slots=True, eq=False)
class Member:
    """What one possible fire adds: its window, arrival (s) and flames (m) there, and area at each mark (ha)."""

    window: Window
    arrival: Array32
    flame_length: Array32
    area_ha: Array


Runner = Callable[[Callable[[int], Member], int, int], Iterator[Member]]
"""What computes members: from the work, how many there are and how many threads there may be, in their order."""


def ensemble(
    landscape: Landscape,
    weather: FireWeather,
    starts: list[FireStart],
    options: FireOptions,
    progress: Progress | None = None,
    run: Runner | None = None,
) -> FireEnsemble:
    """Possible fires around the given inputs.

    Args:
        landscape: What burns.
        weather: Covers the time that is simulated.
        starts: Where and when fire starts.
        options: How; `members`, `seed`, `spreads` and `workers` are of the ensemble.
        progress: Called with the share done.
        run: Computes the members; in threads of this process by default.

    Raises:
        InputError: As `fire_spread.simulate`; or no members are asked for.
    """
    if options.members < 1:
        raise InputError(f"an ensemble wants at least one member, not {options.members}")
    scene = scene_of(landscape, weather, starts, options)
    drawn = draws(scene, options.members)
    return gathered(scene, drawn, np.full(options.members, 1.0 / options.members), progress, run)


def draws(scene: Scene, members: int) -> list[Factors]:
    """The factors of every member."""
    codes = [int(code) for code in np.unique(scene.landscape.fuel)]
    seeds = np.random.SeedSequence(scene.options.seed).spawn(members)
    return [_draw(scene, np.random.default_rng(seed), codes) for seed in seeds]


def shaken(scene: Scene, drawn: Sequence[Factors]) -> list[Factors]:
    """Factors whose lasting errors are known, with the errors of the wind that come and go drawn on top."""
    seeds = np.random.SeedSequence(scene.options.seed).spawn(len(drawn))
    spreads, found = scene.options.spreads, []
    for each, seed in zip(drawn, seeds, strict=True):
        rng = np.random.default_rng(seed)
        speed, turn = _wander(scene, rng, 0.0), _wander(scene, rng, 0.0)
        scale = np.sqrt(1.0 - _LASTING)
        found.append(
            replace(
                each,
                wind_speed=each.wind_speed * np.exp(scale * spreads.wind_speed * speed),
                wind_turn=each.wind_turn + scale * spreads.wind_direction * turn,
            )
        )
    return found


def _draw(scene: Scene, rng: np.random.Generator, codes: list[int]) -> Factors:
    spreads = scene.options.spreads
    speed = spreads.wind_speed * _wander(scene, rng)
    turn = spreads.wind_direction * _wander(scene, rng)
    dead, live, rate = rng.standard_normal(3) * (spreads.dead_moisture, spreads.live_moisture, spreads.rate)
    own = rng.standard_normal(len(codes)) * spreads.fuel_rate
    east, north = rng.standard_normal(2) * spreads.ignition_m
    return Factors(
        wind_speed=np.exp(speed),
        wind_turn=turn,
        dead=float(np.exp(dead)),
        live=float(np.exp(live)),
        rate=float(np.exp(rate)),
        fuel=dict(zip(codes, np.exp(own).tolist(), strict=True)),
        shift=(float(east), float(north)),
        seed=int(rng.integers(2**32)),
    )


def _wander(scene: Scene, rng: np.random.Generator, share: float = _LASTING) -> Array:
    """(T) standard normal errors of the wind: part of them lasts, the rest is forgotten with time."""
    start = scene.slots.start
    memory = scene.options.spreads.wind_memory_h * 3600.0
    keep = np.exp(-np.diff(start, prepend=start[0]) / memory)
    lasting, fresh = rng.standard_normal(), rng.standard_normal(len(start))
    now = np.empty(len(start))
    for k, (kept, new) in enumerate(zip(keep, fresh, strict=True)):
        now[k] = new if k == 0 else kept * now[k - 1] + np.sqrt(1.0 - kept**2) * new
    return np.asarray(np.sqrt(share) * lasting + np.sqrt(1.0 - share) * now)


def in_order(work: Callable[[int], Done], count: int, workers: int) -> Iterator[Done]:
    """Results in order, computed in threads; at most twice as many as there are workers are held at once."""
    with ThreadPoolExecutor(workers) as pool:
        running = [pool.submit(work, k) for k in range(min(count, 2 * workers))]
        try:
            for k in range(count):
                yield running.pop(0).result()
                if k + 2 * workers < count:
                    running.append(pool.submit(work, k + 2 * workers))
        finally:
            for future in running:
                future.cancel()


def gathered(
    scene: Scene,
    drawn: Sequence[Factors],
    weights: Array,
    progress: Progress | None = None,
    run: Runner | None = None,
) -> FireEnsemble:
    """The ensemble of given factors and weights (which add up to 1)."""
    times = marks(scene.options.hours)
    cell_ha = scene.landscape.grid.cell_m**2 / 1e4
    tell = progress or (lambda _: None)
    reach = burn(scene).reach  # of the fire without errors: most members fit

    def one(k: int) -> Member:
        burned = burn(scene, drawn[k], reach)
        flames = flames_of(scene, burned)
        tall = np.full(burned.front.arrival.size, np.nan, np.float32)
        tall[flames.cells] = flames.flame_length
        arrival = burned.front.arrival
        known = np.sort(arrival.ravel()[flames.cells])
        area = np.searchsorted(known, times * 60.0, side="right") * cell_ha
        return Member(burned.window, arrival, tall.reshape(arrival.shape), area.astype(float))

    tally, areas = None, np.zeros((len(drawn), len(times)))
    for k, member in enumerate((run or in_order)(one, len(drawn), scene.options.workers)):
        tally = _Tally.of(member.window, scene) if tally is None else tally.holding(member.window)
        tally.add(member, float(weights[k]))
        areas[k] = member.area_ha
        tell((k + 1) / len(drawn))
    if tally is None:
        raise InputError("an ensemble wants at least one member")
    probability, arrival, tall = tally.fields(scene.landscape.grid.shape)
    return FireEnsemble(len(drawn), probability, arrival, tall, areas, times, weights, factors_table(drawn))


def factors_table(drawn: Sequence[Factors]) -> dict[str, Array]:
    """What was drawn, by name, (members): the wind's by its mean over the fire."""
    return {
        "wind_speed": np.array([float(np.mean(each.wind_speed)) for each in drawn]),
        "wind_turn": np.array([float(np.mean(each.wind_turn)) for each in drawn]),
        "dead_moisture": np.array([each.dead for each in drawn]),
        "live_moisture": np.array([each.live for each in drawn]),
        "rate": np.array([each.rate for each in drawn]),
    }


@dataclass(frozen=True, slots=True, eq=False)
class _Tally:
    """Sums over members in a window (Y, X): weight by bin of arrival time, and of burned members' flames."""

    window: Window
    end: float
    bins: Array32
    flames: Array32

    @classmethod
    def of(cls, window: Window, scene: Scene) -> "_Tally":
        shape = (window[1] - window[0], window[3] - window[2])
        count = int(np.clip(_MOST_BIN_CELLS // max(shape[0] * shape[1], 1), 8, BINS))
        return cls(window, scene.clock.end, np.zeros((*shape, count), np.float32), np.zeros(shape, np.float32))

    def holding(self, window: Window) -> "_Tally":
        """This, or one as large as to hold a member's window too."""
        have = self.window
        want = (
            min(have[0], window[0]), max(have[1], window[1]), min(have[2], window[2]), max(have[3], window[3])
        )  # fmt: skip
        if want == have:
            return self
        around = ((have[0] - want[0], want[1] - have[1]), (have[2] - want[2], want[3] - have[3]))
        return _Tally(want, self.end, np.pad(self.bins, (*around, (0, 0))), np.pad(self.flames, around))

    def add(self, member: Member, weight: float) -> None:
        """Count a member whose window lies within."""
        at = (member.window[0] - self.window[0], member.window[2] - self.window[2])
        _count(self.bins, self.flames, (member.arrival, member.flame_length), at, (weight, self.end))

    def fields(self, shape: tuple[int, int]) -> tuple[Array32, Array32, Array32]:
        """Probability (Y, X), minutes at the quantiles (3, Y, X), mean flames (Y, X) of the whole landscape."""
        burned = self.bins.sum(axis=-1)
        inside = (slice(self.window[0], self.window[1]), slice(self.window[2], self.window[3]))
        probability = np.zeros(shape, np.float32)
        probability[inside] = np.minimum(burned, 1.0)
        tall = np.full(shape, np.nan, np.float32)
        tall[inside] = np.where(burned > 0, self.flames / np.where(burned > 0, burned, 1.0), np.nan)
        times = np.full((len(QUANTILES), *shape), np.nan, np.float32)
        for k, share in enumerate(QUANTILES):
            times[(k, *inside)] = _reached(self.bins, share) * np.float32(self.end / 60.0)
        return probability, times, tall


def _reached(bins: Array32, share: float) -> Array32:
    """When so much of all weight had arrived, 0 to 1 of the time simulated; NaN where it never had."""
    out = np.full(bins.shape[:2], np.nan, np.float32)
    _find(bins, share, out)
    return out


@compiled
def _count(
    bins: Array32, flames: Array32, member: tuple[Array32, Array32], at: tuple[int, int], scale: tuple[float, float]
) -> None:
    arrival, tall = member
    weight, end = scale
    count = bins.shape[2]
    for y in range(arrival.shape[0]):
        for x in range(arrival.shape[1]):
            time = arrival[y, x]
            if time >= 0.0:  # NaN never is
                bins[y + at[0], x + at[1], min(int(time / end * count), count - 1)] += weight
                flames[y + at[0], x + at[1]] += weight * tall[y, x]


@compiled
def _find(bins: Array32, share: float, out: Array32) -> None:
    count = bins.shape[2]
    for y in range(out.shape[0]):
        for x in range(out.shape[1]):
            total = 0.0
            for k in range(count):
                more = total + bins[y, x, k]
                if more >= share - 1e-6 and more > 0.0:
                    within = (share - total) / bins[y, x, k] if bins[y, x, k] > 0.0 else 1.0
                    out[y, x] = (k + min(max(within, 0.0), 1.0)) / count
                    break
                total = more
