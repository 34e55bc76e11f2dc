"""Which rain nowcaster is used."""

from collections.abc import Callable

from brise.formulas.compiled import Array32
from brise.models import rain_extrapolation
from brise.products.rain_nowcast import Nowcaster

CLASSICAL = "rain_extrapolation"
Centre = Callable[[Array32, float], Array32]
"""(N, 4, 128, 128) mm/h and the step in minutes -> (N, 8) mm/h of the middle."""


def open_nowcaster() -> tuple[Nowcaster, str]:
    """The nowcaster, and its name for provenance."""
    return rain_extrapolation.nowcast, CLASSICAL


def open_centre() -> tuple[Centre, str]:
    """The nowcaster of the middle of small fields, and its name."""
    return rain_extrapolation.centre, CLASSICAL
