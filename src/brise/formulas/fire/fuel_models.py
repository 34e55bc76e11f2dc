"""Fuel models: Anderson's 13 and Scott and Burgan's 40, and the arrays that the spread equations read.

Sources: Anderson, H. E. (1982), *Aids to determining fuel models*, INT-GTR-122, with the loads and surface-to-volume
ratios of Albini (1976), INT-GTR-30; Scott, J. H. and Burgan, R. E. (2005), *Standard fire behavior fuel models*,
RMRS-GTR-153. The tables below keep the published units (lb ft-2 or short ton acre-1, ft-1, ft, percent, Btu lb-1), so
that they can be read beside the paper; everything that leaves this file is SI.

The five classes of a fuel, always in this order: dead 1 h, 10 h, 100 h, live herbaceous, live woody (`CLASSES`).
"""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from brise.conventions.errors import InputError

Array = NDArray[np.float64]

CLASSES = ("1h", "10h", "100h", "herb", "woody")

FOOT = 0.3048  # m, exact
POUND = 0.45359237  # kg, exact
BTU = 1055.05585262  # J (International Table)
KG_M2_PER_LB_FT2 = POUND / FOOT**2
KG_M2_PER_TON_ACRE = KG_M2_PER_LB_FT2 * 2000.0 / 43_560.0
J_KG_PER_BTU_LB = BTU / POUND

NON_BURNABLE = {91: "NB1", 92: "NB2", 93: "NB3", 98: "NB8", 99: "NB9"}  # urban, snow, agriculture, water, bare


@dataclass(frozen=True, slots=True)
class FuelModel:
    """One fuel bed; tuples follow `CLASSES`.

    Attributes:
        name: Code of the field, such as "GR2".
        load: Oven-dry load, kg m-2.
        savr: Surface-to-volume ratio of the particles, m-1 (0 where there is no load).
        depth: Depth of the bed, m.
        extinction: Dead moisture at which it no longer burns, fraction.
        heat: Heat content, J kg-1.
        dynamic: Whether cured herbs move to the dead class.
    """

    name: str
    load: tuple[float, float, float, float, float]
    savr: tuple[float, float, float, float, float]
    depth: float
    extinction: float
    heat: tuple[float, float, float, float, float]
    dynamic: bool = False


@dataclass(frozen=True, slots=True)
class FuelArrays:
    """Fuel of many cells; `…` is any shape (a grid, a list, a table of models). Attributes as in `FuelModel`.

    Attributes:
        load: (5, …) kg m-2.
        savr: (5, …) m-1.
        heat: (5, …) J kg-1.
        depth: (…) m; 0 where nothing burns.
        extinction: (…) fraction.
        dynamic: (…) bool.
    """

    load: Array
    savr: Array
    heat: Array
    depth: Array
    extinction: Array
    dynamic: NDArray[np.bool_]

    def take(self, index: ArrayLike) -> "FuelArrays":
        """The fuel at positions of a one-dimensional table: `index` gives the new shape."""
        at = np.asarray(index)
        return FuelArrays(
            self.load[:, at],
            self.savr[:, at],
            self.heat[:, at],
            self.depth[at],
            self.extinction[at],
            self.dynamic[at],
        )


# number: depth ft, extinction %, loads lb ft-2 of the five classes, SAV ft-1 of 1 h, herb, woody
_ANDERSON: dict[int, tuple[float, float, tuple[float, ...], tuple[float, float, float]]] = {
    1: (1.0, 12, (0.034, 0, 0, 0, 0), (3500, 0, 0)),
    2: (1.0, 15, (0.092, 0.046, 0.023, 0.023, 0), (3000, 1500, 0)),
    3: (2.5, 25, (0.138, 0, 0, 0, 0), (1500, 0, 0)),
    4: (6.0, 20, (0.230, 0.184, 0.092, 0, 0.230), (2000, 0, 1500)),
    5: (2.0, 20, (0.046, 0.023, 0, 0, 0.092), (2000, 0, 1500)),
    6: (2.5, 25, (0.069, 0.115, 0.092, 0, 0), (1750, 0, 0)),
    7: (2.5, 40, (0.052, 0.086, 0.069, 0, 0.017), (1750, 0, 1550)),
    8: (0.2, 30, (0.069, 0.046, 0.115, 0, 0), (2000, 0, 0)),
    9: (0.2, 25, (0.134, 0.019, 0.007, 0, 0), (2500, 0, 0)),
    10: (1.0, 25, (0.138, 0.092, 0.230, 0, 0.092), (2000, 0, 1500)),
    11: (1.0, 15, (0.069, 0.207, 0.253, 0, 0), (1500, 0, 0)),
    12: (2.3, 20, (0.184, 0.644, 0.759, 0, 0), (1500, 0, 0)),
    13: (3.0, 25, (0.322, 1.058, 1.288, 0, 0), (1500, 0, 0)),
}

# number: name, loads ton acre-1 of the five classes, SAV ft-1 of 1 h, herb, woody, depth ft, extinction %
_SCOTT_BURGAN: dict[int, tuple[str, tuple[float, ...], tuple[float, float, float], float, float]] = {
    101: ("GR1", (0.10, 0, 0, 0.30, 0), (2200, 2000, 0), 0.4, 15),
    102: ("GR2", (0.10, 0, 0, 1.00, 0), (2000, 1800, 0), 1.0, 15),
    103: ("GR3", (0.10, 0.40, 0, 1.50, 0), (1500, 1300, 0), 2.0, 30),
    104: ("GR4", (0.25, 0, 0, 1.90, 0), (2000, 1800, 0), 2.0, 15),
    105: ("GR5", (0.40, 0, 0, 2.50, 0), (1800, 1600, 0), 1.5, 40),
    106: ("GR6", (0.10, 0, 0, 3.40, 0), (2200, 2000, 0), 1.5, 40),
    107: ("GR7", (1.00, 0, 0, 5.40, 0), (2000, 1800, 0), 3.0, 15),
    108: ("GR8", (0.50, 1.00, 0, 7.30, 0), (1500, 1300, 0), 4.0, 30),
    109: ("GR9", (1.00, 1.00, 0, 9.00, 0), (1800, 1600, 0), 5.0, 40),
    121: ("GS1", (0.20, 0, 0, 0.50, 0.65), (2000, 1800, 1800), 0.9, 15),
    122: ("GS2", (0.50, 0.50, 0, 0.60, 1.00), (2000, 1800, 1800), 1.5, 15),
    123: ("GS3", (0.30, 0.25, 0, 1.45, 1.25), (1800, 1600, 1600), 1.8, 40),
    124: ("GS4", (1.90, 0.30, 0.10, 3.40, 7.10), (1800, 1600, 1600), 2.1, 40),
    141: ("SH1", (0.25, 0.25, 0, 0.15, 1.30), (2000, 1800, 1600), 1.0, 15),
    142: ("SH2", (1.35, 2.40, 0.75, 0, 3.85), (2000, 0, 1600), 1.0, 15),
    143: ("SH3", (0.45, 3.00, 0, 0, 6.20), (1600, 0, 1400), 2.4, 40),
    144: ("SH4", (0.85, 1.15, 0.20, 0, 2.55), (2000, 1800, 1600), 3.0, 30),
    145: ("SH5", (3.60, 2.10, 0, 0, 2.90), (750, 0, 1600), 6.0, 15),
    146: ("SH6", (2.90, 1.45, 0, 0, 1.40), (750, 0, 1600), 2.0, 30),
    147: ("SH7", (3.50, 5.30, 2.20, 0, 3.40), (750, 0, 1600), 6.0, 15),
    148: ("SH8", (2.05, 3.40, 0.85, 0, 4.35), (750, 0, 1600), 3.0, 40),
    149: ("SH9", (4.50, 2.45, 0, 1.55, 7.00), (750, 1800, 1500), 4.4, 40),
    161: ("TU1", (0.20, 0.90, 1.50, 0.20, 0.90), (2000, 1800, 1600), 0.6, 20),
    162: ("TU2", (0.95, 1.80, 1.25, 0, 0.20), (2000, 0, 1600), 1.0, 30),
    163: ("TU3", (1.10, 0.15, 0.25, 0.65, 1.10), (1800, 1600, 1400), 1.3, 30),
    164: ("TU4", (4.50, 0, 0, 0, 2.00), (2300, 0, 2000), 0.5, 12),
    165: ("TU5", (4.00, 4.00, 3.00, 0, 3.00), (1500, 0, 750), 1.0, 25),
    181: ("TL1", (1.00, 2.20, 3.60, 0, 0), (2000, 0, 0), 0.2, 30),
    182: ("TL2", (1.40, 2.30, 2.20, 0, 0), (2000, 0, 0), 0.2, 25),
    183: ("TL3", (0.50, 2.20, 2.80, 0, 0), (2000, 0, 0), 0.3, 20),
    184: ("TL4", (0.50, 1.50, 4.20, 0, 0), (2000, 0, 0), 0.4, 25),
    185: ("TL5", (1.15, 2.50, 4.40, 0, 0), (2000, 0, 1600), 0.6, 25),
    186: ("TL6", (2.40, 1.20, 1.20, 0, 0), (2000, 0, 0), 0.3, 25),
    187: ("TL7", (0.30, 1.40, 8.10, 0, 0), (2000, 0, 0), 0.4, 25),
    188: ("TL8", (5.80, 1.40, 1.10, 0, 0), (1800, 0, 0), 0.3, 35),
    189: ("TL9", (6.65, 3.30, 4.15, 0, 0), (1800, 0, 1600), 0.6, 35),
    201: ("SB1", (1.50, 3.00, 11.00, 0, 0), (2000, 0, 0), 1.0, 25),
    202: ("SB2", (4.50, 4.25, 4.00, 0, 0), (2000, 0, 0), 1.0, 25),
    203: ("SB3", (5.50, 2.75, 3.00, 0, 0), (2000, 0, 0), 1.2, 25),
    204: ("SB4", (5.25, 3.50, 5.25, 0, 0), (2000, 0, 0), 2.7, 25),
}

_SAVR_10H, _SAVR_100H = 109.0, 30.0  # ft-1, of every standard model
_HEAT, _HEAT_GR6 = 8000.0, 9000.0  # Btu lb-1; GR6 alone differs


def fuel_model(
    name: str,
    load: tuple[float, ...],
    savr: tuple[float, ...],
    bed: tuple[float, float],
    heat: float | tuple[float, ...] = _HEAT * J_KG_PER_BTU_LB,
    dynamic: bool = False,
) -> FuelModel:
    """One checked fuel model, SI.

    Args:
        name: Code of the field.
        load: Five loads, kg m-2.
        savr: Five surface-to-volume ratios, m-1 (ignored where the load is 0).
        bed: Depth, m, and dead moisture of extinction, fraction.
        heat: Heat content of all classes or of each, J kg-1.
        dynamic: Whether cured herbs move to the dead class.

    Raises:
        InputError: Another number than five classes, a value out of range, or a load without a surface-to-volume ratio.
    """
    heats = (heat,) * 5 if isinstance(heat, int | float) else heat
    if not len(load) == len(savr) == len(heats) == 5:
        raise InputError(
            f"fuel model {name}: five classes {CLASSES} wanted, got {len(load)}, {len(savr)}, {len(heats)}"
        )
    for label, values in (("load", load), ("surface-to-volume ratio", savr), ("heat content", heats)):
        if not all(np.isfinite(v) and v >= 0 for v in values):
            raise InputError(f"fuel model {name}: {label} must be finite and not negative, got {values}")
    depth, extinction = bed
    if not (0 < depth < np.inf and 0 < extinction <= 5):
        raise InputError(
            f"fuel model {name}: depth {depth} m must be above 0 and extinction {extinction} within 0 and 5 (fraction)"
        )
    if sum(load) <= 0 or any(w > 0 and (s <= 0 or h <= 0) for w, s, h in zip(load, savr, heats, strict=True)):
        raise InputError(f"fuel model {name}: some load, each with its surface-to-volume ratio and heat; got {load}")
    a, b, c = (tuple(float(v) for v in values) for values in (load, savr, heats))
    return FuelModel(
        name, (a[0], a[1], a[2], a[3], a[4]), (b[0], b[1], b[2], b[3], b[4]), float(depth), float(extinction),
        (c[0], c[1], c[2], c[3], c[4]), dynamic,
    )  # fmt: skip


def _savr(one: float, herb: float, woody: float) -> tuple[float, ...]:
    return tuple(s / FOOT for s in (one, _SAVR_10H, _SAVR_100H, herb, woody))


def _standard() -> dict[int, FuelModel]:
    models = {
        number: fuel_model(
            f"FM{number}",
            tuple(w * KG_M2_PER_LB_FT2 for w in load),
            _savr(*savr),
            (depth * FOOT, extinction / 100.0),
        )
        for number, (depth, extinction, load, savr) in _ANDERSON.items()
    }
    for number, (name, load, savr, depth, extinction) in _SCOTT_BURGAN.items():
        models[number] = fuel_model(
            name,
            tuple(w * KG_M2_PER_TON_ACRE for w in load),
            _savr(*savr),
            (depth * FOOT, extinction / 100.0),
            (_HEAT_GR6 if number == 106 else _HEAT) * J_KG_PER_BTU_LB,
            dynamic=load[3] > 0,
        )
    return models


FUEL_MODELS: Mapping[int, FuelModel] = _standard()
NUMBERS: Mapping[str, int] = {model.name: number for number, model in FUEL_MODELS.items()} | {
    name: number for number, name in NON_BURNABLE.items()
}


def stack(models: list[FuelModel | None]) -> FuelArrays:
    """The models side by side, (N); None stands for ground that does not burn (no load, no depth)."""
    none = FuelModel("NB", (0.0,) * 5, (0.0,) * 5, 0.0, 0.0, (0.0,) * 5)
    rows = [none if model is None else model for model in models]
    return FuelArrays(
        np.array([m.load for m in rows], float).reshape(-1, 5).T.copy(),
        np.array([m.savr for m in rows], float).reshape(-1, 5).T.copy(),
        np.array([m.heat for m in rows], float).reshape(-1, 5).T.copy(),
        np.array([m.depth for m in rows], float),
        np.array([m.extinction for m in rows], float),
        np.array([m.dynamic for m in rows], bool),
    )


def fuel_arrays(numbers: ArrayLike, models: Mapping[int, FuelModel] = FUEL_MODELS) -> FuelArrays:
    """The fuel of every cell from its model's number; numbers of `NON_BURNABLE` have no load.

    Args:
        numbers: (…) integers, such as 102 for GR2.
        models: The models to look in; `FUEL_MODELS | own` adds one's own.

    Raises:
        InputError: A number in neither; the message names up to five and how many cells have them.

    >>> gr2 = fuel_arrays([102, 98])
    >>> gr2.load[:, 0].round(4).tolist(), gr2.depth.round(4).tolist()
    ([0.0224, 0.0, 0.0, 0.2242, 0.0], [0.3048, 0.0])
    """
    codes = np.asarray(numbers)
    unique, inverse = np.unique(codes, return_inverse=True)
    unknown = [code for code in unique.tolist() if code not in models and code not in NON_BURNABLE]
    if unknown:
        cells = int(np.isin(codes, unknown).sum())
        named = ", ".join(str(code) for code in unknown[:5]) + (", …" if len(unknown) > 5 else "")
        raise InputError(
            f"unknown fuel models {named} in {cells} of {codes.size} cells: known are 1-13, Scott and Burgan's 101-204,"
            f" non-burnable {sorted(NON_BURNABLE)} and those of a fuel-model table"
        )
    return stack([models.get(code) for code in unique.tolist()]).take(inverse.reshape(codes.shape))


def cured_fraction(herb_moisture: ArrayLike) -> Array:
    """Share of the live herbs that burns as dead: 0 above 120 % moisture, 1 below 30 %, linear between.

    Scott and Burgan (2005), p. 11 (table 3): T = (1.20 - M) / 0.90. Unit: fraction of fraction; NaN stays NaN.

    >>> cured_fraction([0.2, 0.3, 0.75, 1.2]).round(3).tolist()
    [1.0, 1.0, 0.5, 0.0]
    """
    return np.asarray(np.clip((1.2 - np.asarray(herb_moisture, float)) / 0.9, 0.0, 1.0))
