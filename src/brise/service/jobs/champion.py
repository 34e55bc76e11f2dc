"""Which model is meant: by alias, by the name of a built-in model, or by what its artifact is called."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import brise
from brise.conventions.errors import NotFoundError
from brise.io.artifacts import ALIASES, CHAMPION, Artifacts
from brise.io.station_forecasts import read_scores
from brise.models.foundation import OPTIONAL
from brise.models.registry import MODELS, Model
from brise.models.runtime import open_model, read_card
from brise.service.settings import Settings

BASELINE = "blend"
"""The champion where no alias names one: it needs no training beforehand, only the network's own history."""


@dataclass(frozen=True, slots=True)
class Chosen:
    """A model that is ready.

    Attributes:
        reference: Digest of its artifact, or its name in the program.
        model: What predicts.
        card: What its artifact says; empty for models of the program.
    """

    reference: str
    model: Model
    card: dict[str, Any] = field(default_factory=dict)

    @property
    def label(self) -> str:
        """For people: its name, and the first digits of its digest."""
        return f"{self.model.name} {self.reference[:12]}" if self.card else self.reference


def shipped_folder() -> Path | None:
    """The models that came with the program: in the installed package, else in the repository it runs from."""
    package = Path(brise.__file__).parent
    places = (package / "weights", package.parents[1] / "weights")
    return next((place for place in places if (place / "aliases.json").is_file()), None)


def open_artifacts(settings: Settings) -> Artifacts:
    """The trained models of a data folder, and those that came with the program."""
    return Artifacts(settings.data_dir / "models" / "artifacts", settings.weights_dir or shipped_folder())


def reference_of(store: Artifacts, name: str) -> str:
    """The digest or the built-in name that a name stands for.

    Raises:
        NotFoundError: An alias that names nothing, or no such model.
        InputError: Several models are called so.
    """
    if name in ALIASES:
        target = store.aliases().names.get(name) or (BASELINE if name == CHAMPION else None)
        if target is None:
            raise NotFoundError(f"no {name} is named; `brise train` or `brise promote MODEL --shadow` names one")
        return target
    if name in MODELS or name in OPTIONAL:
        return name
    try:
        return store.resolve(name)
    except NotFoundError:
        raise NotFoundError(
            f"unknown model {name!r}; known are {', '.join((*MODELS, *OPTIONAL, *ALIASES))} "
            f"and the artifacts that `brise models` lists"
        ) from None


def choose(store: Artifacts, name: str, threads: int = 1) -> Chosen:
    """Open a model by any of its names.

    Args:
        store: The artifacts.
        name: An alias, a built-in model, a digest or its first digits, or the name on a card.
        threads: How many a prediction may use.

    Raises:
        NotFoundError: There is no such model.
        InputError: Its artifact is damaged or not ours, or several are called so.
    """
    reference = reference_of(store, name)
    if reference in MODELS:
        return Chosen(reference, MODELS[reference])
    if reference in OPTIONAL:
        return Chosen(reference, OPTIONAL[reference]())
    files = store.read(reference)
    return Chosen(reference, open_model(files, threads), read_card(files))


def model_rows(store: Artifacts) -> list[dict[str, Any]]:
    """What `brise models` lists: built-in models, then artifacts, each with the aliases that name it."""
    aliases = store.aliases().names
    named = {CHAMPION: BASELINE} | aliases
    called: dict[str, list[str]] = {}
    for alias, target in named.items():
        called.setdefault(target, []).append(alias)
    rows = [
        _row(name, "built in", title, called)
        for name, title in [
            *((model.name, model.title) for model in MODELS.values()),
            *((name, "needs a package of its own") for name in OPTIONAL),
        ]
    ]
    for entry in store.entries():
        card = entry.card
        rows.append(
            _row(str(card.get("name")), str(card.get("family")), str(card.get("title")), called, entry.digest)
            | {
                "size": entry.size,
                "shipped": entry.shipped,
                "created": card.get("created"),
                "metrics": headline(card.get("metrics")),
            }
        )
    return rows


def _row(name: str, family: str, title: str, called: dict[str, list[str]], digest: str | None = None) -> dict[str, Any]:
    return {
        "name": name,
        "alias": ", ".join(called.get(digest or name, ())),
        "family": family,
        "what": title,
        "digest": digest,
        "size": None,
        "shipped": None,
        "created": None,
        "metrics": None,
    }


def headline(metrics: object) -> str | None:
    """The plain figures of a card's metrics, the first four, as text."""
    if not isinstance(metrics, dict):
        return None
    plain = [f"{key} {value:.4g}" for key, value in metrics.items() if isinstance(value, int | float)]
    return ", ".join(plain[:4]) or None


def shadow_folder(settings: Settings) -> Path:
    """Where a data folder keeps the shadow's forecasts and scores."""
    return settings.data_dir / "models" / "shadow"


def with_running(rows: list[dict[str, Any]], root: Path) -> list[dict[str, Any]]:
    """`model_rows` with the newest day's scores of the models that run."""
    newest = next(reversed(read_scores(root)), None)
    running = {} if newest is None else dict.fromkeys(newest["sides"].values(), newest["message"])
    return [row | {"running": running.get(row["digest"] or row["name"])} for row in rows]


def model_table(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """The rows for people: short digests, sizes in MB, and columns that hold something."""
    short = [
        row
        | {
            "digest": (row["digest"] or "")[:12],
            "size": f"{row['size'] / 1e6:.1f} MB" if row["size"] is not None else None,
            "shipped": "yes" if row["shipped"] else None,
        }
        for row in rows
    ]
    used = [name for name in short[0] if any(row[name] for row in short)]
    return [{name: row[name] for name in used} for row in short]
