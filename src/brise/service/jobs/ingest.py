"""Ingest: payloads in, checked rows in the store, and a report that accounts for every record."""

import logging
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from brise.conventions.errors import DecodeError, NotFoundError, StoreError
from brise.conventions.observations import Batch
from brise.io.raw import read_payload
from brise.io.sources.archive import read_archive
from brise.io.sources.payload import MAX_BYTES
from brise.io.sources.registry import SOURCES
from brise.io.sources.source import Source
from brise.io.tables import Tables
from brise.service.settings import Settings

log = logging.getLogger("brise.ingest")

Span = tuple[datetime | None, datetime | None]


@dataclass(slots=True)
class Report:
    """What became of every record: read = stored + updated + duplicate + the rejected ones.

    Records that carry several variables count once a value. `failed` names payloads that could not be read at all.
    """

    source: str
    read: int = 0
    stored: int = 0
    updated: int = 0
    duplicate: int = 0
    rejected: Counter[str] = field(default_factory=Counter)
    failed: list[str] = field(default_factory=list)
    newest: datetime | None = None
    seconds: float = 0.0

    def as_dict(self) -> dict[str, Any]:
        """For `--json`."""
        return {
            "source": self.source,
            "read": self.read,
            "stored": self.stored,
            "updated": self.updated,
            "duplicate": self.duplicate,
            "rejected": dict(self.rejected),
            "failed": self.failed,
            "seconds": round(self.seconds, 3),
        }

    def rows(self) -> list[dict[str, Any]]:
        """For a table."""
        counts = {"read": self.read, "stored": self.stored, "updated": self.updated, "duplicate": self.duplicate}
        rejected = {f"rejected: {reason}": count for reason, count in sorted(self.rejected.items())}
        return [
            *({"what": what, "records": count} for what, count in (counts | rejected).items()),
            *({"what": f"failed: {line}", "records": None} for line in self.failed),
            {"what": "seconds", "records": round(self.seconds, 2)},
        ]


def source_named(name: str) -> Source:
    """Look a source up.

    Raises:
        NotFoundError: No such source; the message lists the known ones.
    """
    if name not in SOURCES:
        raise NotFoundError(f"unknown source {name!r}; known are {', '.join(SOURCES)}")
    return SOURCES[name]


def source_rows(settings: Settings) -> list[dict[str, Any]]:
    """One row a source, for people."""
    return [
        {
            "name": source.name,
            "what": source.title,
            "interval": str(source.interval),
            "key": "none needed"
            if source.key_setting is None
            else ("set" if settings.key(source.key_setting) else f"BRISE_{source.key_setting.upper()}"),
            "licence": source.licence,
        }
        for source in SOURCES.values()
    ]


def make_folder(folder: Path) -> None:
    """Make a data folder that is not there yet.

    Raises:
        StoreError: It cannot be made.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise StoreError(f"data folder {folder}: cannot be made: {error.strerror}") from None


def open_tables(settings: Settings) -> Tables:
    """The store of these settings, migrated to the newest schema.

    Raises:
        StoreError: The data folder cannot be made, or the database cannot serve.
    """
    make_folder(settings.data_dir)
    return Tables.open(settings.resolved_database_url())


def within(batch: Batch, span: Span) -> Batch:
    """The part of a batch whose periods ended inside the span; the rest is counted as `outside_window`."""
    ended = batch.observations["time"]
    keep = np.ones(len(ended), bool)
    for bound, sign in zip(span, (1, -1), strict=True):
        if bound is not None:
            keep &= ((ended - bound).dt.total_seconds() * sign >= 0).to_numpy()
    if keep.all():
        return batch
    rejected = {**batch.rejected, "outside_window": int((~keep).sum())}
    return replace(batch, observations=batch.observations[keep], rejected=rejected)


def without(batch: Batch, hidden: frozenset[str]) -> Batch:
    """A batch without some stations, named by their id or by its native part."""
    if not hidden:
        return batch

    def shown(ids: "pd.Series[str]") -> NDArray[np.bool_]:
        text = ids.astype(str)
        return np.asarray(~(text.isin(hidden) | text.str.split(":", n=1).str[1].isin(hidden)), bool)

    stations = batch.stations[shown(batch.stations["station_id"])]
    return replace(batch, stations=stations, observations=batch.observations[shown(batch.observations["station_id"])])


def store_batch(tables: Tables, batch: Batch, report: Report) -> None:
    """Write one batch and add to the report."""
    tables.upsert_stations(batch.stations)
    stored = tables.store_observations(batch.observations)
    rejected = Counter(batch.rejected)
    report.read += batch.read
    report.stored += stored.inserted
    report.updated += stored.updated
    report.duplicate += stored.duplicate + rejected.pop("duplicate", 0)
    report.rejected.update(rejected)
    if len(batch.observations):
        newest = batch.observations["time"].max().to_pydatetime()
        report.newest = max(newest, report.newest or newest)


def ingest_files(tables: Tables, source: Source, paths: list[Path], span: Span) -> Report:
    """Read files; one that cannot be read is named in the report and the others go on.

    Raises:
        NotFoundError: A file does not exist; nothing is read then.
        DecodeError: None of the files could be read.
    """
    absent = [path for path in paths if not path.is_file()]
    if absent:
        raise NotFoundError(f"{absent[0]} is not a file ({len(absent)} of {len(paths)} are not)")
    started, report = time.perf_counter(), Report(source.name)
    for batch in _batches(source, paths, span, report):
        store_batch(tables, within(batch, span), report)
    report.seconds = time.perf_counter() - started
    if report.failed and len(report.failed) == len(paths):
        raise DecodeError("; ".join(report.failed))
    return report


def _batches(source: Source, paths: list[Path], span: Span, report: Report) -> Iterator[Batch]:
    if source.name == "archive":  # streamed: it may hold more than memory does
        for path in paths:
            yield from read_archive(path, *span)
        return
    payloads = []
    for path in paths:
        try:
            payloads.append((path, read_payload(path, MAX_BYTES), _received_at(source, path)))
        except (DecodeError, StoreError) as error:
            report.failed.append(f"{path.name}: {error}")
    if source.decode_many is None:
        yield from (batch for _, batch in _readable(source, payloads, report))
        return
    try:
        together = source.decode_many([(payload, received) for _, payload, received in payloads])
    except DecodeError:  # find out which, and read the rest together
        good = {path for path, _ in _readable(source, payloads, report)}
        rest = [(payload, received) for path, payload, received in payloads if path in good]
        if not rest:
            return
        together = source.decode_many(rest)
    yield together


def _readable(
    source: Source, payloads: list[tuple[Path, bytes, datetime]], report: Report
) -> Iterator[tuple[Path, Batch]]:
    for path, payload, received in payloads:
        try:
            yield path, source.decode(payload, received)
        except DecodeError as error:
            report.failed.append(f"{path.name}: {error}")


def _received_at(source: Source, path: Path) -> datetime:
    """When a file was received: as its name says, else now."""
    named = source.file_time(path.name) if source.file_time is not None else None
    return named or datetime.now(UTC)
