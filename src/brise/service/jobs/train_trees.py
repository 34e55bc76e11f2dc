"""Trainings of `brise train` beside the any-point model: boosted trees, and both joined in one artifact."""

import json
from datetime import UTC, datetime
from typing import Any

import numpy as np

from brise.conventions.errors import InputError
from brise.conventions.observations import StationHours
from brise.io.artifacts import Artifacts
from brise.models import anypoint_serving, boosting_serving
from brise.models.boosting_training import Course, artifact, calibrated, train
from brise.models.calibration import Excess
from brise.models.features import TARGETS
from brise.models.lessons import LEADS
from brise.models.network import fit

_LATER = tuple(lead for lead in LEADS if lead > 0)


def course(hours: StationHours, start: np.datetime64, every: int) -> Course:
    """A network's past as the trees' training wants it.

    Args:
        hours: Its record up to the end of what may be learnt.
        start: Where its validation period begins.
        every: A forecast each so many hours.
    """
    before, whole = (fit(part, None, _LATER) for part in (hours.until(start), hours))
    return Course(hours, int(np.searchsorted(hours.time, start, "right")), before, whole, every)


def boosted(courses: list[Course], seed: int, card: dict[str, Any], manifest: dict[str, Any]) -> dict[str, bytes]:
    """The files of boosted trees for every pollutant that any network measures."""
    excess = Excess(_LATER)
    graphs: dict[str, bytes] = {}
    trusted: dict[str, tuple[int, float, float]] = {}
    for name in TARGETS:
        some = [one for one in courses if name in one.hours.values]
        if some:
            made, told = train(some, name, excess, seed)
            graphs |= made
            trusted |= told
    known = [name for name in TARGETS if any(name in one.hours.values for one in courses)]
    return artifact(graphs, trusted, calibrated(excess), card | {"pollutants": known}, manifest)


def joined(store: Artifacts, parts: tuple[str, ...], name: str, title: str) -> dict[str, bytes]:
    """The files of an any-point model that brings boosted trees along.

    Args:
        store: Holds both.
        parts: Their names or digests, the any-point model first.
        name: Of the new model.
        title: Of the new model.

    Raises:
        InputError: Not two parts, or they are of other families.
    """
    if len(parts) != 2:
        raise InputError(f"parts are {list(parts)}: an any-point model and boosted trees expected")
    digests = [store.resolve(part) for part in parts]
    ours, trees = (store.read(digest) for digest in digests)
    cards = [json.loads(files["card.json"]) for files in (ours, trees)]
    for card, family in zip(cards, (anypoint_serving.FAMILY, boosting_serving.FAMILY), strict=True):
        if card["family"] != family:
            raise InputError(f"part {card['name']!r} is of family {card['family']}, expected {family}")
    for city, span in cards[1]["training"].items():  # what the trees saw, the whole saw
        both = [*cards[0]["training"].get(city, span), *span]
        cards[0]["training"][city] = [min(both), max(both)]
    card = cards[0] | {
        "name": name,
        "title": title,
        "created": datetime.now(UTC).isoformat(timespec="seconds"),
        "cities": sorted({city for one in cards for city in one["cities"]}),
        "parts": dict(zip(parts, digests, strict=True)),
    }
    manifest = {"parts": [json.loads(files["manifest.json"]) for files in (ours, trees)]}
    graphs = {file: payload for file, payload in trees.items() if file.endswith(".onnx")}
    texts = {"card.json": card, "manifest.json": manifest}
    return {**ours, **graphs, **{file: json.dumps(text, indent=1).encode() for file, text in texts.items()}}
