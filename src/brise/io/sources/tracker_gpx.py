"""GPX 1.0 and 1.1: a track's points with their times; speed and accuracy where an extension gives them.

Read by an event parser that keeps one point at a time. A document type is refused, and with it every entity that could
grow: no GPX needs one.
"""

from collections.abc import Iterator
from datetime import UTC, datetime
from xml.parsers import expat

import numpy as np

from brise.conventions.errors import InputError
from brise.conventions.trackers import ReadReport
from brise.io.sources.tracker_table import EARLIEST, LATEST, Piece

MOST_TEXT = 1_000
"""Characters of one field."""
MOST_DEPTH = 50
CHUNK = 50_000

_FIELDS = {"ele": "altitude_m", "speed": "speed_m_s", "accuracy": "accuracy_m", "hacc": "accuracy_m"}
_COLUMNS = ("latitude", "longitude", "altitude_m", "speed_m_s", "accuracy_m")


class _Points:
    """What the parser's events amount to: one row a point."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.rows: list[tuple[float, ...]] = []
        self.point: dict[str, float] | None = None
        self.text: list[str] | None = None
        self.size = self.depth = 0
        self.untimed = self.impossible = 0
        self.kind = ""

    def start(self, tag: str, attributes: dict[str, str]) -> None:
        local = tag.rpartition(":")[2].lower()
        self.depth += 1
        if self.depth == 1 and local != "gpx":
            raise InputError(f"{self.name}: not a GPX track: its root is <{tag}>")
        if self.depth > MOST_DEPTH:
            raise InputError(f"{self.name}: elements nested more than {MOST_DEPTH} deep")
        if local == "trkpt":
            self.point = {"latitude": _number(attributes.get("lat")), "longitude": _number(attributes.get("lon"))}
        elif self.point is not None and (local == "time" or local in _FIELDS):
            self.text, self.size, self.kind = [], 0, local

    def data(self, text: str) -> None:
        if self.text is not None:
            self.size += len(text)
            if self.size > MOST_TEXT:
                raise InputError(f"{self.name}: a field longer than {MOST_TEXT} characters")
            self.text.append(text)

    def end(self, tag: str) -> None:
        local = tag.rpartition(":")[2].lower()
        self.depth -= 1
        if self.point is None:
            return
        if self.text is not None and local == self.kind:
            text = "".join(self.text).strip()
            self.point["time" if local == "time" else _FIELDS[local]] = (
                _moment(text) if local == "time" else _number(text)
            )
            self.text = None
        elif local == "trkpt":
            self._keep(self.point)
            self.point = None

    def _keep(self, point: dict[str, float]) -> None:
        latitude, longitude, time = point["latitude"], point["longitude"], point.get("time", np.nan)
        somewhere = abs(latitude) <= 90 and abs(longitude) <= 180 and (abs(latitude) > 1e-3 or abs(longitude) > 1e-3)
        if not EARLIEST <= time < LATEST:
            self.untimed += 1
        elif not somewhere:
            self.impossible += 1
        else:
            self.rows.append((time, *(point.get(name, np.nan) for name in _COLUMNS)))

    def take(self) -> Piece:
        rows, self.rows = np.array(self.rows, float).reshape(-1, 1 + len(_COLUMNS)), []
        columns = {name: rows[:, i + 1] for i, name in enumerate(_COLUMNS) if np.isfinite(rows[:, i + 1]).any()}
        return Piece("", rows[:, 0].astype(np.int64), columns, np.zeros(len(rows), np.int64), measures=False)


def _number(text: str | None) -> float:
    try:
        return float(text or "nan")
    except ValueError:
        return float("nan")


def _moment(text: str) -> float:
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        return float("nan")
    return moment.replace(tzinfo=moment.tzinfo or UTC).timestamp()


def read_gpx(stream: Iterator[bytes], name: str, report: ReadReport) -> Iterator[Piece]:
    """The points of all tracks of a file; those without a time or off the Earth are counted.

    Args:
        stream: The file, UTF-8, in blocks.
        name: Of the file.
        report: Counts what is refused.

    Raises:
        InputError: It is no GPX, is cut off, or declares a document type.
    """
    points = _Points(name)
    parser = expat.ParserCreate("utf-8")
    parser.buffer_text = True
    parser.StartElementHandler, parser.EndElementHandler = points.start, points.end
    parser.CharacterDataHandler = points.data

    def refuse(*_: object) -> None:
        raise InputError(f"{name}: declares a document type; entities are not expanded and it is not read")

    parser.StartDoctypeDeclHandler = parser.EntityDeclHandler = refuse
    try:
        for block in stream:
            for at in range(0, len(block), 2**20):
                parser.Parse(block[at : at + 2**20], False)
                if len(points.rows) >= CHUNK:
                    yield points.take()
        parser.Parse(b"", True)
    except expat.ExpatError as error:
        raise InputError(f"{name}: not a readable GPX track: {error}") from None
    if points.untimed:
        report.note(f"{name}: {points.untimed} points without a usable time left out")
    if points.impossible:
        report.refused_fixes += points.impossible
    if points.rows:
        yield points.take()
