"""A trained model's files become a `Model` that predicts; nothing here trains, so nothing here needs torch.

A trained model is a mapping of file name to bytes: `card.json` says what it is, `manifest.json` from what it was made,
`calibration.json` how its quantiles are corrected, and the rest are weights. The card's family says who reads them.
"""

from collections.abc import Callable
from typing import Any

from brise.conventions.errors import InputError
from brise.models import anypoint_serving, boosting_serving, foundation
from brise.models.registry import Model
from brise.models.sessions import Files, read_json

FAMILIES: dict[str, Callable[[Files, int], Model]] = {
    anypoint_serving.FAMILY: anypoint_serving.open_files,
    boosting_serving.FAMILY: boosting_serving.open_files,
    foundation.FAMILY: foundation.open_files,
}
"""Family -> what makes a model of an artifact's files and a number of threads."""

CARD = ("family", "name", "title")
"""What every card says; docs/decisions/0005-artifacts.md lists the rest."""


def read_card(files: Files) -> dict[str, Any]:
    """What an artifact says of itself.

    Raises:
        InputError: There is no card, or it does not say what every card must.
    """
    card = read_json(files, "card.json")
    missing = [key for key in CARD if not isinstance(card.get(key), str) or not card[key]]
    if missing:
        raise InputError(f"model artifact: card.json has no text {missing[0]!r}; every card says {', '.join(CARD)}")
    return card


def open_model(files: Files, threads: int = 1) -> Model:
    """The model that an artifact's files are.

    Args:
        files: Name -> content, as the artifact store reads them.
        threads: How many a prediction may use.

    Raises:
        InputError: A file is missing or damaged, or this version knows no such family.
    """
    card = read_card(files)
    if card["family"] not in FAMILIES:
        raise InputError(
            f"model {card['name']!r}: unknown family {card['family']!r}; this version opens {', '.join(FAMILIES)}"
        )
    try:
        return FAMILIES[card["family"]](files, threads)
    except InputError:
        raise
    except (KeyError, ValueError, TypeError, IndexError, AttributeError) as error:  # what a foreign file looks like
        raise InputError(
            f"model {card['name']!r}: not a whole {card['family']} artifact: {type(error).__name__}: {error}"
        ) from error
