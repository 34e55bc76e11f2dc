"""How a tracker's table is written: which maker's it is, where its time stands, what each column holds."""

import csv
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from itertools import chain

import numpy as np
from numpy.typing import NDArray

from brise.conventions.errors import InputError
from brise.conventions.trackers import MEASURED, REPORTED
from brise.io.sources.tracker_names import PLACES, TIMES, Meaning, bare, meaning, plain, split_label

Array = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Section:
    """One table of a file.

    Attributes:
        labels: Its headings.
        lines: Lines of the file before its first row.
        delimiter: Between fields.
        rows: In blocks of whole lines; to be taken before the next table is asked for.
    """

    labels: list[str]
    lines: int
    delimiter: str
    rows: Iterator[bytes]


SKIP = Meaning("skip")
"""A column that is known and says nothing of the air or the way."""

DEVICE = Meaning("device")
"""A column that names the device."""

_OFFSET = re.compile(r"(?:\d[zZ]|UTC|GMT|:\d\d(?:\.\d+)?[+-]\d\d:?\d\d)$")
_EPOCH = re.compile(r"\d{9,13}(\.\d+)?")
_HOUR = r"\d{1,2}:\d\d(:\d\d)?(\.\d+)?"
_DATE = r"\d{4}[-/]\d\d?[-/]\d\d?"

MOST_ABOVE = 60
"""Lines that may stand above the headings."""

EXTRA = "extra_"
"""Prefix of columns that only the dialect's `finish` reads."""


@dataclass(frozen=True, slots=True)
class Dialect:
    """One maker's way of writing a table.

    Attributes:
        name: Short, in reports; a device without a name of its own gets it.
        title: For people.
        recognise: Whether headings, as `plain` writes them, are this maker's.
        units: Our name -> unit of headings that state none, where the maker's documents fix it.
        exact: Heading, as `plain` writes it -> what it holds, before any other rule.
        period_s: Between two rows, where the rows do not tell.
        notes: Said of every file.
        finish: Takes the columns read (with `extra_...`), gives the columns meant.
        split: Finds the tables in the blocks of a file; None = one table, headings above it.
        make: The maker, for corrections: "unknown", "purpleair", "plantower".
    """

    name: str
    title: str
    recognise: Callable[[set[str]], bool]
    units: Mapping[str, str] = field(default_factory=dict)
    exact: Mapping[str, Meaning] = field(default_factory=dict)
    period_s: int = 60
    notes: tuple[str, ...] = ()
    finish: Callable[[dict[str, Array]], dict[str, Array]] | None = None
    split: Callable[[Iterator[bytes]], Iterator[Section]] | None = None
    make: str = "unknown"


@dataclass(frozen=True, slots=True)
class Clock:
    """Where and how the time of a row is written.

    Attributes:
        positions: Columns; two when date and time of day stand apart.
        kind: "s" or "ms" since 1970, or "text".
        certain: Whether its zone is known: an epoch, a heading with UTC, or times with an offset.
        pattern: For strptime; "" = ISO 8601.
    """

    positions: tuple[int, ...]
    kind: str
    certain: bool
    pattern: str = ""


@dataclass(frozen=True, slots=True)
class Plan:
    """How to read one table.

    Attributes:
        dialect: Whose it is.
        labels: Its headings.
        delimiter: Between fields.
        decimal: Decimal point.
        clock: The time.
        columns: Position -> what it holds; times and unread columns are absent.
        unknown: Headings nobody reads, with the reason.
        zone: IANA zone of times without one.
    """

    dialect: Dialect
    labels: tuple[str, ...]
    delimiter: str
    decimal: str
    clock: Clock
    columns: dict[int, Meaning]
    unknown: tuple[str, ...]
    zone: str = "UTC"

    @property
    def measures(self) -> bool:
        """Whether rows hold measurements, not places alone."""
        return any(m.target in MEASURED or m.target.startswith((REPORTED, EXTRA)) for m in self.columns.values())


def fields_of(line: str, delimiter: str) -> list[str]:
    """The fields of one line."""
    return next(csv.reader([line], delimiter=delimiter), [])


def delimiter_of(line: str) -> str:
    """The sign that splits a line into most fields.

    >>> delimiter_of("sensor_id;lat;lon"), delimiter_of('timestamp,"date (UTC)"')
    (';', ',')
    """
    return max((",", ";", "\t", "|"), key=lambda sign: len(fields_of(line, sign)))


def match(section: Section, rows: list[list[str]], dialect: Dialect, zone: str) -> Plan:
    """A plan for a table; what cannot be known for certain is listed, not guessed.

    Args:
        section: Its headings.
        rows: The first rows, as text.
        dialect: Whose table it is.
        zone: Of times that state none.

    Raises:
        InputError: No column is a time, or its form is ambiguous.
    """
    labels, delimiter = section.labels, section.delimiter
    columns: dict[int, Meaning] = {}
    unknown: list[str] = []
    times: list[int] = []
    taken: set[str] = set()
    for position, label in enumerate(labels):
        found = dialect.exact.get(plain(label)) or _time_or_meaning(label, dialect)
        if found == "time":
            times.append(position)
        elif isinstance(found, str):
            if label.strip():
                unknown.append(f"{label.strip()} ({found})")
        elif found.target in taken and found.target != "skip":
            unknown.append(f"{label.strip()} (a second column of {found.target})")
        elif found.target != "skip":
            taken.add(found.target)
            columns[position] = found
    if not times:
        raise InputError(f"no column of times among {', '.join(label.strip() for label in labels)[:300]}")
    if ("latitude" in taken) != ("longitude" in taken):
        columns = {at: m for at, m in columns.items() if m.target not in ("latitude", "longitude")}
        unknown.append("a latitude without a longitude, or the other way round")
    decimal = "," if delimiter != "," and decimal_commas(rows, columns) else "."
    clock = _clock(labels, times, rows)
    return Plan(dialect, tuple(labels), delimiter, decimal, clock, columns, tuple(unknown), zone)


def _time_or_meaning(label: str, dialect: Dialect) -> Meaning | str:
    name, unit, _ = split_label(label)
    if bare(name) in TIMES and unit in ("", "utc", "s", "ms", "local", "iso", "iso 8601"):
        return "time"
    return meaning(label, dialect.units)


def decimal_commas(rows: list[list[str]], columns: dict[int, Meaning]) -> bool:
    """Whether numbers in the first rows are written as 3,5."""
    texts = [row[at] for row in rows for at in columns if at < len(row)]
    return any(re.fullmatch(r"\s*-?\d+,\d+\s*", text) for text in texts)


def _values(rows: list[list[str]], position: int) -> list[str]:
    return [row[position].strip() for row in rows if position < len(row) and row[position].strip()]


def _clock(labels: list[str], times: list[int], rows: list[list[str]]) -> Clock:
    """The most certain of the columns of times: an epoch, then a date that can be read, then the order of TIMES."""

    def rank(position: int) -> tuple[bool, bool, int]:
        name, values = bare(split_label(labels[position])[0]), _values(rows, position)
        readable = not values or re.match(_DATE, values[0]) is not None
        return not _epochs(values), not readable, TIMES.index(name)

    best = min(times, key=rank)
    values = _values(rows, best)
    if _epochs(values):
        return Clock((best,), _epoch_kind(values), certain=True)
    said = any(word in bare(labels[best]) for word in ("utc", "gmt"))
    if values and re.fullmatch(_DATE, values[0]):
        hours = [at for at in times if re.fullmatch(_HOUR, "".join(_values(rows, at)[:1]))]
        return Clock((best, *hours[:1]), "text", certain=said)
    if values and re.fullmatch(_HOUR, values[0]):
        raise InputError(f"times of day in {labels[best]!r} without a column of dates such as 2026-05-01")
    if values and not re.match(_DATE, values[0]):
        raise InputError(
            f"times such as {values[0]!r} in {labels[best]!r} can be read in several ways: "
            "a mapping file with time_format says which"
        )
    offset = any(_OFFSET.search(value) for value in values[:5])
    return Clock((best,), "text", certain=said or offset)


def clock_at(positions: tuple[int, ...], pattern: str, rows: list[list[str]]) -> Clock:
    """The clock in columns that are known."""
    values = _values(rows, positions[0])
    if not pattern and len(positions) == 1 and _epochs(values):
        return Clock(positions, _epoch_kind(values), certain=True)
    offset = "%z" in pattern or any(_OFFSET.search(value) for value in _values(rows, positions[-1])[:5])
    return Clock(positions, "text", certain=offset, pattern=pattern)


def _epochs(values: list[str]) -> bool:
    epochs = sum(bool(_EPOCH.fullmatch(value)) for value in values)
    return 2 * epochs > len(values)  # a few may be the zeros of a clock that was not set


def _epoch_kind(values: list[str]) -> str:
    return "ms" if max(float(value) for value in values if _EPOCH.fullmatch(value)) > 1e11 else "s"


def sample_rows(block: bytes, delimiter: str, most: int = 50) -> list[list[str]]:
    """The first rows of a block, as text."""
    lines = block[: 64 * 1024].decode("utf-8", "replace").splitlines()
    return list(csv.reader(lines[:most], delimiter=delimiter))


def heading_section(stream: Iterator[bytes], delimiter: str, known: Callable[[list[str]], bool]) -> Section | str:
    """The headings of a plain table, above which a few other lines may stand, and its rows.

    Args:
        stream: The file.
        delimiter: Between fields, to be tried first; "" = to be found.
        known: Whether headings are some tracker's.

    Returns:
        The table, or the first line where no headings of a tracker are.
    """
    first = next(stream, b"")
    at, shown = 0, ""
    for number in range(MOST_ABOVE):
        end = first.find(b"\n", at)
        if end < 0:
            break
        line = first[at:end].decode("utf-8", "replace").strip("\ufeff\r\n")
        at = end + 1
        shown = shown or line.strip()
        for sign in dict.fromkeys(filter(None, (delimiter, delimiter_of(line)))):
            labels = fields_of(line, sign)
            if known(labels):
                return Section(labels, number + 1, sign, chain([first[at:]], stream))
    return shown


_HEADING_WORDS = (b"timestamp", b"Timestamp", b"date", b"Date", b"time", b"Time")


def sections(top: Section, known: Callable[[list[str]], bool]) -> Iterator[Section]:
    """A table, and those below it where headings stand again, in whatever order: exports written one after the other.

    Args:
        top: The first.
        known: Whether headings are some tracker's.
    """
    pending: list[bytes] = []
    blocks = top.rows
    following: list[Section] = [top]
    lines = top.lines

    def rows(words: tuple[bytes, ...]) -> Iterator[bytes]:
        nonlocal lines
        while (block := pending.pop() if pending else next(blocks, None)) is not None:
            found = _heading_in(block, words, known)
            if found is None:
                lines += block.count(b"\n")
                yield block
                continue
            start, end, labels, sign = found
            lines += block[:start].count(b"\n") + 1
            pending.append(block[end:])
            following.append(Section(labels, lines, sign, iter(())))
            yield block[:start]
            return

    while following:
        section = following.pop()
        named = tuple(label.strip().encode() for label in section.labels if bare(split_label(label)[0]) in TIMES)
        yield Section(section.labels, section.lines, section.delimiter, rows((*_HEADING_WORDS, *named)))


def _heading_in(
    block: bytes, words: tuple[bytes, ...], known: Callable[[list[str]], bool]
) -> tuple[int, int, list[str], str] | None:
    """(start, end, labels, delimiter) of the first line of headings in a block."""
    tried: set[int] = set()
    hits = sorted(at for word in set(words) if (at := block.find(word)) >= 0)
    for hit in hits:
        start = block.rfind(b"\n", 0, hit) + 1
        end = block.find(b"\n", hit) + 1
        if start not in tried:
            tried.add(start)
            line = block[start:end].decode("utf-8", "replace").strip()
            sign = delimiter_of(line)
            labels = fields_of(line, sign)
            if known(labels):
                return start, end, labels, sign
    return None


def looks_like_a_table(labels: Iterable[str]) -> bool:
    """Whether headings hold a time and something with a unit, or a place.

    >>> looks_like_a_table(["time", "NO2 (ppb)"]), looks_like_a_table(["time", "NO2"])
    (True, False)
    """
    listed = list(labels)
    found = [meaning(label, {}) for label in listed]
    targets = {m.target for m in found if isinstance(m, Meaning)}
    has_time = any(bare(split_label(label)[0]) in TIMES for label in listed)
    return has_time and (bool(targets & set(MEASURED)) or set(PLACES[:2]) <= targets)
