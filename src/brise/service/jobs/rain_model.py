"""Which rain nowcaster is used: the learned one, where there is one; the classical one needs no training."""

import logging
from collections.abc import Callable

from brise.conventions.errors import InputError
from brise.formulas.compiled import Array32
from brise.io.artifacts import Artifacts
from brise.models import rain_extrapolation, rain_serving
from brise.products.rain_nowcast import Nowcaster

log = logging.getLogger("brise.rain")

CLASSICAL = "rain_extrapolation"
THREADS = 2
Centre = Callable[[Array32, float], Array32]
"""(N, 4, 128, 128) mm/h and the step in minutes -> (N, 8) mm/h of the middle."""


def _learned(store: Artifacts) -> tuple[rain_serving.Nowcaster, str] | None:
    """The newest rain model trained here, else the one that came with the program; None = there is none to open."""
    found = [one for one in store.entries() if one.card.get("family") == rain_serving.FAMILY]
    for entry in sorted(found, key=lambda one: (not one.shipped, str(one.card.get("created"))), reverse=True):
        try:
            opened = rain_serving.open_nowcaster(store.read(entry.digest), THREADS)
        except InputError as error:
            log.warning("rain model %s is left out: %s", entry.digest[:12], error)
            continue
        return opened, f"{opened.name} {entry.digest[:12]}"
    return None


def open_nowcaster(store: Artifacts) -> tuple[Nowcaster, str]:
    """The nowcaster, and its name for provenance."""
    learned = _learned(store)
    return (rain_extrapolation.nowcast, CLASSICAL) if learned is None else (learned[0].nowcast, learned[1])


def open_centre(store: Artifacts) -> tuple[Centre, str]:
    """The nowcaster of the middle of small fields, and its name."""
    learned = _learned(store)
    return (rain_extrapolation.centre, CLASSICAL) if learned is None else (learned[0].centre, learned[1])
