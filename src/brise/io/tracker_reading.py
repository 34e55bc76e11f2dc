"""From files to rows: which dialect a table is written in, and its rows, device by device."""

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from itertools import chain

from brise.conventions.errors import InputError
from brise.conventions.trackers import ReadReport
from brise.conventions.variables import VARIABLES
from brise.io.sources.tracker_dialect import (
    Dialect,
    Plan,
    heading_section,
    match,
    sample_rows,
    sections,
)
from brise.io.sources.tracker_gpx import read_gpx
from brise.io.sources.tracker_mapping import Mapping, mapped_plan
from brise.io.sources.tracker_names import CONDITIONS, plain, split_label
from brise.io.sources.tracker_registry import DIALECTS
from brise.io.sources.tracker_table import Piece, read_rows
from brise.io.tracker_files import BLOCK, Entry, blocks, most_bytes, open_entry

_SENSOR = re.compile(r"(?:^|/)sensor_(\w+)/")


@dataclass(frozen=True, slots=True)
class Options:
    """What the owner says of the files.

    Attributes:
        device: Name of the device, "" = as the files say.
        zone: IANA zone of times without one.
        mapping: What the columns are, of tables that do not say it.
        block: Bytes read at once.
    """

    device: str = ""
    zone: str = "UTC"
    mapping: Mapping | None = None
    block: int = BLOCK


def read_entry(
    entry: Entry, options: Options, report: ReadReport, told: Callable[[int], None] | None = None
) -> Iterator[Piece]:
    """The rows of one file.

    Args:
        entry: The file.
        options: What the owner says.
        report: Gets counts, the headings' variant, and what was left out.
        told: Called with the bytes taken from the file, for a progress bar.

    Raises:
        InputError: The file is broken, no text, or no table or track that is known.
    """
    with open_entry(entry) as stream:
        encoding, text = blocks(stream, entry.name, most_bytes(entry), options.block)
        counted = _counted(text, told)
        first = next(counted, b"")
        if not first:
            report.note(f"{entry.name}: empty")
            return
        again = chain([first], counted)
        if first[:2000].lstrip(b" \r\n\t").startswith(b"<"):
            report.files.append({"file": entry.name, "reader": "gpx", "encoding": encoding})
            pieces = read_gpx(again, entry.name, report)
        else:
            pieces = _tables(again, entry, (options, encoding), report)
        found = _SENSOR.search(entry.name)
        named = found.group(1) if found else ""
        for piece in pieces:
            yield replace(piece, device=options.device or piece.device or named)


def _counted(stream: Iterator[bytes], told: Callable[[int], None] | None) -> Iterator[bytes]:
    for block in stream:
        yield block
        if told is not None:
            told(len(block))


def _tables(stream: Iterator[bytes], entry: Entry, how: tuple[Options, str], report: ReadReport) -> Iterator[Piece]:
    """The rows of every table of a file; one that is no tracker's is left out where it came with others."""
    (options, encoding), name = how, entry.name
    mapping = options.mapping
    dialects = [*([mapping.dialect] if mapping is not None else []), *DIALECTS.values()]

    def known(labels: list[str]) -> bool:
        return _dialect(labels, dialects) is not None

    first = next(stream, b"")
    top = heading_section(iter([first]), mapping.delimiter if mapping is not None else "", known)
    if isinstance(top, str):
        why = f"no headings of a tracker that is known (first line: {top[:80]!r})"
        if name == entry.path.name:
            raise InputError(f"{name}: {why}; a mapping file (--mapping) tells what its columns are")
        report.note(f"{name}: left out, {why}")
        return
    split = (_dialect(top.labels, dialects) or dialects[-1]).split
    top = replace(top, rows=chain(top.rows, stream))
    for section in split(chain([first], stream)) if split else sections(top, known):
        dialect = _dialect(top.labels if split else section.labels, dialects) or dialects[-1]
        block = next((some for some in section.rows if some.strip()), b"")
        if not block:
            report.note(f"{name}: headings and no rows")
            continue
        rows = sample_rows(block, section.delimiter)
        try:
            if mapping is not None and dialect is mapping.dialect:
                plan = mapped_plan(section, rows, mapping, options.zone)
            else:
                plan = match(section, rows, dialect, options.zone)
        except InputError as error:
            raise InputError(f"{name}: {error}") from None
        _tell(plan, name, encoding, report)
        yield from read_rows(plan, chain([block], section.rows), (name, section.lines), report)


def _dialect(labels: list[str], known: list[Dialect]) -> Dialect | None:
    names = {plain(label) for label in labels}
    return next((one for one in known if one.recognise(names)), None)


def _tell(plan: Plan, name: str, encoding: str, report: ReadReport) -> None:
    """Put into the report what the table is, what of it is read, and what was assumed."""
    targets = [plan.columns[at].target if at in plan.columns else "" for at in range(len(plan.labels))]
    times = [plan.labels[at] for at in plan.clock.positions]
    report.reader = report.reader or plan.dialect.name
    report.files.append(
        {
            "file": name,
            "reader": plan.dialect.name,
            "encoding": encoding,
            "delimiter": plan.delimiter,
            "time": " + ".join(times),
            "columns": {label.strip(): target for label, target in zip(plan.labels, targets, strict=True) if target},
        }
    )
    report.unknown_columns += [
        f"{name}: {text}" for text in plan.unknown if f"{name}: {text}" not in report.unknown_columns
    ]
    if not plan.clock.certain:
        report.note(f"times of {times[0]!r} state no zone: taken as {plan.zone}")
    for label, target in zip(plan.labels, targets, strict=True):
        default = plan.dialect.units.get(target, "")
        if default and not split_label(label)[1]:
            report.note(f"{label.strip()!r} states no unit: taken as {default}, as {plan.dialect.title} has it")
    units = {(found.target, found.unit) for found in plan.columns.values()}
    if any(unit in ("ppb", "ppm") and VARIABLES[t].molar_mass for t, unit in units if t in VARIABLES):
        report.note(CONDITIONS)
    if plan.decimal == ",":
        report.note(f"{name}: numbers with decimal commas")
    for note in plan.dialect.notes:
        report.note(note)
