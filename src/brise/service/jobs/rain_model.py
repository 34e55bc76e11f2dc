"""Which rain nowcaster is used."""

from brise.models import rain_extrapolation
from brise.products.rain_nowcast import Nowcaster

CLASSICAL = "rain_extrapolation"


def open_nowcaster() -> tuple[Nowcaster, str]:
    """The nowcaster, and its name for provenance."""
    return rain_extrapolation.nowcast, CLASSICAL
