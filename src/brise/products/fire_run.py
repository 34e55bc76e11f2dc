"""What a fire simulation is asked and what it answers: the records that `fire_spread` and its neighbours share.

    simulate(landscape, weather, starts, options, progress, factors)      -> FireResult      fire_spread.py
    ensemble(landscape, weather, starts, options, progress)               -> FireEnsemble    fire_ensemble.py
    calibrate(landscape, weather, starts, options, observed, progress)    -> Calibration     fire_calibration.py
    reforecast(landscape, weather, starts, options, calibration, progress) -> FireEnsemble   fire_calibration.py
    summarise(result, ensemble) -> dict, perimeters(grid, arrival, minutes), rasters, outlines  fire_summary.py

`progress` is called with the share done, 0 to 1; what it raises ends the run. All are pure: the same call, the same
answer, whatever the number of threads.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from brise.conventions.errors import InputError
from brise.conventions.fire import FireGrid
from brise.formulas.fire.crown import METHODS
from brise.formulas.fire.ellipse import FORMULAS, LengthToWidth
from brise.formulas.fire.fuel_models import FuelModel
from brise.formulas.fire.surface import WIND_LIMITS, WindLimit

Array32 = NDArray[np.float32]
CrownMethod = Literal["finney", "scott_reinhardt", "none"]
DeadMoisture = Literal["nelson", "fosberg"]
Progress = Callable[[float], object]

MAX_HOURS = 24.0 * 14
MAX_MEMBERS = 10_000


@dataclass(frozen=True, slots=True)
class Spreads:
    """How uncertain the inputs of an ensemble are: standard deviations, of logarithms where a factor is meant.

    Attributes:
        wind_speed: Of the wind's factor, log.
        wind_direction: Degrees.
        wind_memory_h: Hours after which an error of the wind is forgotten to 1/e (half of its variance never is).
        dead_moisture: Of the factor of all dead classes, log.
        live_moisture: Of the factor of both live classes, log.
        rate: Of the factor of the rate of spread everywhere, log.
        fuel_rate: Of each fuel model's own factor, log.
        ignition_m: Of where it started, m, eastward and northward.
    """

    wind_speed: float = 0.25
    wind_direction: float = 15.0
    wind_memory_h: float = 3.0
    dead_moisture: float = 0.15
    live_moisture: float = 0.15
    rate: float = 0.35
    fuel_rate: float = 0.2
    ignition_m: float = 0.0


@dataclass(frozen=True, slots=True)
class FireOptions:
    """How a fire is simulated.

    Attributes:
        start: UTC; the ignitions without a time light then.
        hours: How long.
        burn_periods: (opens, closes) UTC; fire rests between them. None given: it never rests.
        length_to_width: Formula of `ellipse.FORMULAS`.
        wind_limit: Of `surface.WIND_LIMITS`.
        crown: How crowns join in; "none" leaves them out.
        foliar_moisture: Of the crowns, fraction.
        models: Fuel models beside the built-in ones, by number; they win over these.
        moisture: Five fractions in the order of `fuel_models.CLASSES`, None for those to be worked out or assumed; None
            for all of them.
        rate_factor: Multiplies every rate of spread.
        fuel_factors: Multiplies the rate of spread of some fuel models, by number.
        wind_factor: Multiplies the wind speed.
        wind_turn: Degrees clockwise added to where the wind comes from.
        grid_north: Take the wind's directions from the north of the landscape's grid, as FlamMap does, not from true
            north.
        dead_moisture: By which law dead fuel follows the weather: "nelson" or "fosberg".
        place: Latitude and longitude of the landscape, degrees, for the sun and the season; None is unknown.
        members: Of the ensemble; 0 is one deterministic run.
        parts: Cells are cut in so many a side: 1 is fast, 3 lets fire run along the edge of a faster cell (`front`), 0
            is 3 where the fire and its members are few enough cells, else 1.
        touched: With parts, a cell burns as soon as fire touches a corner of it, as FlamMap counts; areas are larger.
        embers: That a cell throws when its crowns burn (each may light a spot fire downwind); 0 is no spotting.
        seed: The same seed gives the same members.
        spreads: How uncertain the inputs are.
        workers: Threads of an ensemble.
    """

    start: np.datetime64
    hours: float
    burn_periods: tuple[tuple[np.datetime64, np.datetime64], ...] = ()
    length_to_width: LengthToWidth = "behave"
    wind_limit: WindLimit = "none"
    crown: CrownMethod = "finney"
    foliar_moisture: float = 1.0
    models: Mapping[int, FuelModel] = field(default_factory=dict)
    moisture: tuple[float | None, float | None, float | None, float | None, float | None] | None = None
    rate_factor: float = 1.0
    fuel_factors: Mapping[int, float] = field(default_factory=dict)
    wind_factor: float = 1.0
    wind_turn: float = 0.0
    grid_north: bool = False
    dead_moisture: DeadMoisture = "nelson"
    place: tuple[float, float] | None = None
    members: int = 0
    parts: int = 0
    touched: bool = False
    embers: float = 0.0
    seed: int = 0
    spreads: Spreads = field(default_factory=Spreads)
    workers: int = 2

    def __post_init__(self) -> None:
        """Refuse what cannot be simulated.

        Raises:
            InputError: A value out of its range, or a name that is unknown.
        """
        if np.isnat(self.start) or not 0 < self.hours <= MAX_HOURS:
            raise InputError(
                f"a simulation from {self.start} over {self.hours} hours: must be above 0, at most {MAX_HOURS:.0f}"
            )
        if not 0 <= self.members <= MAX_MEMBERS or self.workers < 1:
            raise InputError(f"{self.members} members on {self.workers} workers: 0 to {MAX_MEMBERS} on at least 1")
        named: tuple[tuple[str, str, tuple[str, ...]], ...] = (
            ("length to width formula", self.length_to_width, FORMULAS),
            ("wind limit", self.wind_limit, WIND_LIMITS),
            ("crown method", self.crown, (*METHODS, "none")),
            ("dead moisture", self.dead_moisture, ("nelson", "fosberg")),
        )
        for name, choice, known in named:
            if choice not in known:
                raise InputError(f"{name} {choice!r} is unknown: one of {', '.join(known)}")
        self._check_numbers()

    def _check_numbers(self) -> None:
        if not 0 <= self.embers <= 1000:
            raise InputError(f"{self.embers} embers a cell: 0 to 1000")
        if self.parts not in (0, 1, 3, 5):
            raise InputError(f"{self.parts} parts a side of a cell: 1, 3 or 5; 0 chooses")
        for name, number in (("rate factor", self.rate_factor), ("wind factor", self.wind_factor)):
            if not 0 < number <= 100:
                raise InputError(f"{name} {number} must be above 0 and at most 100")
        if not 0.3 <= self.foliar_moisture <= 3:
            raise InputError(f"foliar moisture {self.foliar_moisture:.0%} is outside 30 to 300 %")
        for value in self.moisture or ():
            if value is not None and not 0.005 <= value <= 4:
                raise InputError(f"fuel moisture {value:.1%} is outside 0.5 to 400 %")


@dataclass(frozen=True, slots=True, eq=False)
class FireResult:
    """How one fire burned; (Y, X) float32, NaN where it did not come.

    Attributes:
        grid: Of the landscape.
        start: UTC.
        hours: That were simulated.
        arrival: Minutes since `start`.
        rate: m s-1, of the fire that reached the cell, the way it was going; NaN where an ignition lit the cell itself.
        direction: Where it was going, degrees clockwise from true north; NaN likewise.
        flame_length: m, of the fire going that way; where an ignition lit the cell, that of its head.
        intensity: W m-1, likewise.
        crown: int8: 0 not burned, 1 surface fire, 2 passive and 3 active crown fire (of the head in that cell).
        fraction: Of the crowns that burned, 0 to 1.
        assumptions: What stood for missing inputs, in sentences.
        warnings: What makes the answer less sure, in sentences.
        provenance: What was used: options in words and numbers.
        simulated: The landscape does not exist.
    """

    grid: FireGrid
    start: np.datetime64
    hours: float
    arrival: Array32
    rate: Array32
    direction: Array32
    flame_length: Array32
    intensity: Array32
    crown: NDArray[np.int8]
    fraction: Array32
    assumptions: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()
    provenance: Mapping[str, object] = field(default_factory=dict)
    simulated: bool = False

    def area_ha(self, minutes: float) -> float:
        """What had burned `minutes` after the start, ha (whole cells)."""
        return float((self.arrival <= minutes).sum()) * self.grid.cell_m**2 / 1e4


@dataclass(frozen=True, slots=True, eq=False)
class FireEnsemble:
    """What many possible fires have in common; (Y, X) float32.

    Attributes:
        members: How many.
        probability: Share of the members (by weight) that burned the cell by the end.
        arrival: (3, Y, X) minutes at which 10, 50 and 90 % of all members had burned the cell; NaN where fewer did.
        flame_length: m, mean over the members that burned the cell; NaN where none did.
        area_ha: (members, hours) at the end of each hour.
        minutes: (hours) of those ends.
        weights: (members) that add up to 1.
        factors: What was drawn, by name, (members).
    """

    members: int
    probability: Array32
    arrival: Array32
    flame_length: Array32
    area_ha: NDArray[np.float64]
    minutes: NDArray[np.float64]
    weights: NDArray[np.float64]
    factors: Mapping[str, NDArray[np.float64]] = field(default_factory=dict)
