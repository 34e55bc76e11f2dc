"""What an owner has decided about their trackers' data, and the files they brought.

That is what is shared, what a stretch of time was, and what a place is called.
"""

import secrets
import time
from collections.abc import Sequence
from typing import Any, NamedTuple

from sqlalchemy import Engine, Row, Table, delete, insert, select, update

from brise.conventions.errors import NotFoundError
from brise.io.database import reading, writing
from brise.io.owners import hold_owner, hold_tracker
from brise.io.tracker_schema import imports, labels, places, sharing, trackers


class Period(NamedTuple):
    """A period whose samples, start < time ≤ end, are shared; no two of a tracker overlap.

    Attributes:
        start: Seconds since 1970 UTC.
        end: The same; None = from `start` on.
    """

    start: int
    end: int | None


class Label(NamedTuple):
    """What the owner says a stretch of time was, whatever was inferred.

    Attributes:
        field: `mode` or `surroundings`.
        start: Seconds since 1970 UTC; the stretch is start < time ≤ end.
        end: The same.
        value: One of the field's words.
    """

    field: str
    start: int
    end: int
    value: str


class NamedPlace(NamedTuple):
    """A place that the owner has named.

    Attributes:
        name: The owner's.
        latitude: Degrees north.
        longitude: Degrees east.
        radius_m: How far it reaches, m.
        indoor: Whether being there is being indoors; None = not said.
    """

    name: str
    latitude: float
    longitude: float
    radius_m: float
    indoor: bool | None


class Import(NamedTuple):
    """A file that was brought.

    Attributes:
        id: Shown.
        state: running, done or failed.
        created: Seconds since 1970 UTC.
        finished: The same; None = not yet.
        message: Why it failed.
        report: What became of its rows; None = not yet.
    """

    id: str
    state: str
    created: int
    finished: int | None
    message: str
    report: dict[str, Any] | None


class Choices:
    """Each method is one transaction; StoreError when the database cannot serve."""

    def __init__(self, engine: Engine) -> None:
        """Use `Tables.open(url).choices`."""
        self._engine = engine

    def shared(self, owner: int, device: int) -> list[Period]:
        """The periods of a tracker that are shared, in order."""
        return [Period(row.start, row.end) for row in self._of_device(sharing, owner, device, sharing.c.start)]

    def share(self, owner: int, device: int, periods: Sequence[Period]) -> None:
        """Share these periods of a tracker, and no others.

        Raises:
            NotFoundError: The tracker is another's, or erased.
        """
        self._put(sharing, owner, device, [one._asdict() for one in periods])

    def labels(self, owner: int, device: int) -> list[Label]:
        """What the owner said of stretches of a tracker's time, in order."""
        rows = self._of_device(labels, owner, device, labels.c.start)
        return [Label(row.field, row.start, row.end, row.value) for row in rows]

    def label(self, owner: int, device: int, said: Sequence[Label]) -> None:
        """Keep what the owner says of a tracker's time, in place of what was said before.

        Raises:
            NotFoundError: The tracker is another's, or erased.
        """
        self._put(labels, owner, device, [one._asdict() for one in said])

    def places(self, owner: int) -> list[NamedPlace]:
        """The places that an owner has named."""
        with reading(self._engine) as connection:
            rows = connection.execute(select(places).where(places.c.owner == owner).order_by(places.c.name)).all()
        shown = [(row, None if row.indoor is None else bool(row.indoor)) for row in rows]
        return [NamedPlace(row.name, row.latitude, row.longitude, row.radius_m, indoor) for row, indoor in shown]

    def name_places(self, owner: int, named: Sequence[NamedPlace]) -> None:
        """Keep these places, in place of those before.

        Raises:
            NotFoundError: The owner has been erased.
        """
        with writing(self._engine) as connection:
            hold_owner(connection, owner)
            connection.execute(delete(places).where(places.c.owner == owner))
            if named:
                rows = [one._asdict() | {"owner": owner, "indoor": _number(one.indoor)} for one in named]
                connection.execute(insert(places), rows)

    # Files brought.

    def begin_import(self, owner: int, device: int) -> str:
        """Note that a file is being read.

        Raises:
            NotFoundError: The tracker is another's, or erased.
        """
        row = {"id": f"i{secrets.token_hex(8)}", "device": device, "state": "running", "created": int(time.time())}
        with writing(self._engine) as connection:
            hold_tracker(connection, owner, device)
            connection.execute(insert(imports).values(row | {"message": ""}))
        return str(row["id"])

    def end_import(self, import_id: str, message: str, report: dict[str, Any] | None) -> None:
        """Note what became of a file: done, or failed where there is a message."""
        row = {"state": "failed" if message else "done", "finished": int(time.time()), "message": message}
        with writing(self._engine) as connection:
            connection.execute(update(imports).where(imports.c.id == import_id).values(**row, report=report))

    def imports(self, owner: int, device: int) -> list[Import]:
        """The files brought for a tracker, newest first."""
        rows = self._of_device(imports, owner, device, imports.c.created.desc())
        return [Import(*(getattr(row, name) for name in Import._fields)) for row in rows]

    def an_import(self, owner: int, device: int, import_id: str) -> Import:
        """One of them.

        Raises:
            NotFoundError: There is none of this id for this tracker.
        """
        found = next((one for one in self.imports(owner, device) if one.id == import_id), None)
        if found is None:
            raise NotFoundError(f"no import {import_id!r}")
        return found

    def _of_device(self, table: Table, owner: int, device: int, order: Any) -> Sequence[Row[Any]]:
        query = select(table).join(trackers, trackers.c.key == table.c.device).order_by(order)
        with reading(self._engine) as connection:
            return connection.execute(query.where(trackers.c.owner == owner, table.c.device == device)).all()

    def _put(self, table: Table, owner: int, device: int, rows: list[dict[str, Any]]) -> None:
        with writing(self._engine) as connection:
            hold_tracker(connection, owner, device)
            connection.execute(delete(table).where(table.c.device == device))
            if rows:
                connection.execute(insert(table), [row | {"device": device} for row in rows])


def _number(truth: bool | None) -> int | None:
    return None if truth is None else int(truth)
