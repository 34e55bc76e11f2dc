"""An experiment folder: what was trained, on what, how it went, and where to go on.

config.json      what was asked for
manifest.json    what it was made from: data files with hash, rows, span and licence; versions
metrics.jsonl    one row a line, as training logged them
curves.svg       the same, to look at
checkpoint       to go on from; written whole, then visible
result/          the artifact's files, once there is one
"""

import hashlib
import json
import math
import os
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from brise.conventions.errors import InputError, NotFoundError, StoreError
from brise.io.shards import write_whole


@dataclass(frozen=True, slots=True)
class DataFile:
    """A file that a model was made from.

    Attributes:
        name: Of the file, without folders.
        sha256: Of its bytes.
        bytes: Size.
        rows: That were used; None = unknown.
        span: First and last time used, ISO 8601; "" = not a matter of time.
        licence: Of the data.
    """

    name: str
    sha256: str
    bytes: int
    rows: int | None = None
    span: tuple[str, str] = ("", "")
    licence: str = ""


def data_file(path: Path, rows: int | None = None, span: tuple[str, str] = ("", ""), licence: str = "") -> DataFile:
    """Describe a file, its hash included.

    Raises:
        NotFoundError: No such file.
    """
    try:
        with path.open("rb") as file:
            digest = hashlib.file_digest(file, "sha256").hexdigest()
    except FileNotFoundError:
        raise NotFoundError(f"no file {path}") from None
    return DataFile(path.name, digest, path.stat().st_size, rows, span, licence)


@dataclass(frozen=True, slots=True)
class Manifest:
    """What a model was made from.

    Attributes:
        data: Files.
        code: Version of the code.
        seed: Of everything random.
        notes: Whatever else makes it repeatable.
    """

    data: tuple[DataFile, ...]
    code: str
    seed: int
    notes: dict[str, Any] = field(default_factory=dict)


class Experiment:
    """A folder that a training writes to; what `models.train` calls a run."""

    def __init__(self, folder: Path, config: Mapping[str, Any], manifest: Manifest) -> None:
        """Begin, or go on: a folder of the same config and data is used again.

        Raises:
            InputError: The folder holds an experiment of another config or other data.
            StoreError: The folder cannot be written.
        """
        self.folder = folder
        try:
            folder.mkdir(parents=True, exist_ok=True)
            self._same("config.json", dict(config))
            self._same("manifest.json", asdict(manifest))
        except OSError as error:
            raise StoreError(f"cannot write experiment {folder}: {error}") from error

    def _same(self, name: str, value: dict[str, Any]) -> None:
        path = self.folder / name
        plain = json.loads(json.dumps(value))
        if path.exists():
            before = json.loads(path.read_text())
            changed = [key for key in before | plain if before.get(key) != plain.get(key)]
            if changed:
                raise InputError(
                    f"{path} is of another experiment: {changed[0]} was {before.get(changed[0])!r}, "
                    f"is {plain.get(changed[0])!r}; choose another folder"
                )
        else:
            write_whole(path, json.dumps(plain, indent=1).encode())

    def save_checkpoint(self, payload: bytes) -> None:
        """Keep it instead of the one before, and draw the curves.

        Raises:
            StoreError: The disk refuses; the one before is still there.
        """
        try:
            write_whole(self.folder / "checkpoint", payload)
            write_whole(self.folder / "curves.svg", curves(self.rows()).encode())
        except OSError as error:
            raise StoreError(f"cannot write to experiment {self.folder}: {error}") from error

    def load_checkpoint(self) -> bytes | None:
        """The newest; None = there is none."""
        path = self.folder / "checkpoint"
        return path.read_bytes() if path.exists() else None

    def log(self, row: Mapping[str, Any]) -> None:
        """Append a row of metrics.

        Raises:
            StoreError: The disk refuses.
        """
        known = {k: None if isinstance(v, float) and not math.isfinite(v) else v for k, v in row.items()}
        line = json.dumps({**known, "at": datetime.now(UTC).isoformat(timespec="seconds")})
        try:
            with (self.folder / "metrics.jsonl").open("a") as file:
                file.write(line + "\n")
        except OSError as error:
            raise StoreError(f"cannot write to experiment {self.folder}: {error}") from error

    def rows(self) -> list[dict[str, Any]]:
        """The rows in the order of their steps; of steps taken twice, because of a resume, the later rows."""
        path = self.folder / "metrics.jsonl"
        kept: dict[tuple[int, bool], dict[str, Any]] = {}
        for line in path.read_text().splitlines() if path.exists() else ():
            try:
                row = json.loads(line)
            except ValueError:
                continue  # a line that a kill cut short
            kept[(int(row.get("step", 0)), "validation_loss" in row)] = row
        return [kept[key] for key in sorted(kept)]

    def save_result(self, files: Mapping[str, bytes]) -> Path:
        """Write an artifact's files to result/; returns that folder.

        Raises:
            InputError: A name with a folder in it.
            StoreError: The disk refuses.
        """
        folder = self.folder / "result"
        try:
            folder.mkdir(exist_ok=True)
            for name, payload in files.items():
                if name != os.path.basename(name) or name.startswith("."):  # noqa: PTH119  (names, not paths)
                    raise InputError(f"artifact file {name!r}: a plain name expected")
                write_whole(folder / name, payload)
        except OSError as error:
            raise StoreError(f"cannot write {folder}: {error}") from error
        return folder


_COLOURS = {"loss": "#2b6cb0", "validation_loss": "#c05621"}
_WIDTH, _HEIGHT, _EDGE = 640, 320, 48


def curves(rows: list[dict[str, Any]]) -> str:
    """Loss and validation loss over the steps, as an SVG; the vertical axis is logarithmic where all are above 0."""
    series = {
        name: [(row["step"], row[name]) for row in rows if isinstance(row.get(name), int | float)] for name in _COLOURS
    }
    values = [value for line in series.values() for _, value in line]
    box = f'viewBox="0 0 {_WIDTH} {_HEIGHT}" font-family="sans-serif" font-size="12"'
    head = f'<svg xmlns="http://www.w3.org/2000/svg" {box}>'
    if not values:
        return head + f'<text x="{_EDGE}" y="{_EDGE}">nothing logged yet</text></svg>'
    positive = min(values) > 0
    low, high = (math.log(v) if positive else v for v in (min(values), max(values)))
    last = max(step for line in series.values() for step, _ in line) or 1
    out = [head, f'<rect width="{_WIDTH}" height="{_HEIGHT}" fill="white"/>']

    def point(step: float, value: float) -> str:
        tall = ((math.log(value) if positive else value) - low) / ((high - low) or 1)
        return f"{_EDGE + step / last * (_WIDTH - 2 * _EDGE):.1f},{_HEIGHT - _EDGE - tall * (_HEIGHT - 2 * _EDGE):.1f}"

    for place, (name, line) in enumerate(series.items()):
        colour = _COLOURS[name]
        path = " ".join(point(*pair) for pair in line)
        out.append(f'<polyline points="{path}" fill="none" stroke="{colour}" stroke-width="1.5"/>')
        ends = f" {line[-1][1]:.4g}" if line else ""
        out.append(f'<text x="{_EDGE + 180 * place}" y="24" fill="{colour}">{name}{ends}</text>')
    for value, y in ((max(values), _EDGE), (min(values), _HEIGHT - _EDGE)):
        out.append(f'<text x="4" y="{y + 4}">{value:.3g}</text>')
    out.append(f'<text x="{_WIDTH - _EDGE}" y="{_HEIGHT - 16}" text-anchor="end">step {last}</text></svg>')
    return "\n".join(out)
