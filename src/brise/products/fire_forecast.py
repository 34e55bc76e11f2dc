"""A fire, possible fires around it, and what observed perimeters say of both: what the command and the API answer."""

from collections.abc import Callable, Sequence
from typing import Any

from brise.conventions.fire import FireStart, FireWeather, Landscape
from brise.products.fire_calibration import calibrate, reforecast
from brise.products.fire_ensemble import Runner, ensemble
from brise.products.fire_restart import restart
from brise.products.fire_run import FireEnsemble, FireOptions, FireResult, Progress
from brise.products.fire_spread import simulate

Tell = Callable[[str, float], None]
"""Called with the stage in words and the share done of the whole."""

FITTED = 0.5
ALONE = 0.2
"""Share of the work that is done when perimeters are fitted, and when the fire as given is spread."""


def forecast(
    inputs: tuple[Landscape, FireWeather, list[FireStart], FireOptions],
    observed: Sequence[FireStart],
    tell: Tell,
    run: Runner | None = None,
) -> tuple[FireResult, FireEnsemble | None, dict[str, Any]]:
    """One fire, with members an ensemble beside it; with perimeters both as calibrated, on from the last of known time.

    Args:
        inputs: Landscape, weather, ignitions and options, as of `simulate`.
        observed: Perimeters that were seen; may be none.
        tell: Of progress; what it raises ends the run.
        run: Runs the members of a plain ensemble elsewhere.

    Returns:
        The fire, its ensemble where members were asked for, and what the calibration found ({} without perimeters).

    Raises:
        InputError: As `simulate`, `calibrate` and `restart`.
    """
    many = inputs[3].members
    if not observed:
        result = simulate(*inputs, _part(tell, "spreads the fire", (0.0, ALONE if many else 1.0)))
        members = _part(tell, "spreads the members", (ALONE, 1.0))
        return result, ensemble(*inputs, members, run) if many else None, {}
    found = calibrate(*inputs, observed, _part(tell, "fits the perimeters", (0.0, FITTED)))
    page: dict[str, Any] = dict(found.page())
    later = _part(tell, "spreads the members", (FITTED, 1.0))
    on = restart(inputs, found, observed, later)
    if on is not None:
        return on.result, on.ensemble, page | {"restart": on.page}
    result = simulate(*inputs, factors=found.mean)
    return result, reforecast(*inputs, found, later) if many else None, page


def _part(tell: Tell, stage: str, span: tuple[float, float]) -> Progress:
    return lambda share: tell(stage, span[0] + (span[1] - span[0]) * share)
