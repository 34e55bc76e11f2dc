"""What each tracker was found to read beside references, kept with the tracker."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from sqlalchemy import Engine, delete, insert, select

from brise.formulas.calibration import Calibration, read_calibration
from brise.io.database import reading, writing
from brise.io.owners import hold_tracker
from brise.io.tracker_schema import calibrations, trackers


@dataclass(frozen=True, slots=True)
class Fitted:
    """The last try.

    Attributes:
        when: Seconds since 1970 UTC.
        found: Calibrations in order of time; several variables.
        refused: Variable -> why there is no newer one.
    """

    when: int
    found: Sequence[Calibration]
    refused: Mapping[str, str]


class Calibrations:
    """Each method is one transaction; StoreError when the database cannot serve."""

    def __init__(self, engine: Engine) -> None:
        """Use `Tables.open(url).calibrations`."""
        self._engine = engine

    def of(self, owner: int, device: int) -> Fitted | None:
        """Of a tracker, if it is this owner's; None = never tried."""
        query = select(calibrations).join(trackers, trackers.c.key == calibrations.c.device)
        with reading(self._engine) as connection:
            row = connection.execute(query.where(trackers.c.owner == owner, trackers.c.key == device)).one_or_none()
        return None if row is None else Fitted(row.fitted, [read_calibration(one) for one in row.found], row.refused)

    def found(self, owner: int, device: int) -> list[Calibration]:
        """What a tracker's values are corrected by, beside the general laws."""
        fitted = self.of(owner, device)
        return list(fitted.found) if fitted else []

    def keep(self, owner: int, device: int, fitted: Fitted) -> None:
        """Keep a try in place of the one before.

        Raises:
            NotFoundError: The tracker is another's, or erased.
        """
        row = {"device": device, "fitted": fitted.when, "refused": dict(fitted.refused)}
        with writing(self._engine) as connection:
            hold_tracker(connection, owner, device)
            connection.execute(delete(calibrations).where(calibrations.c.device == device))
            connection.execute(insert(calibrations).values(row | {"found": [one.to_json() for one in fitted.found]}))

    def due(self, before: int, limit: int) -> list[tuple[int, int]]:
        """Owner and tracker of those not tried since `before` (seconds since 1970 UTC), the longest waiting first."""
        query = (
            select(trackers.c.owner, trackers.c.key)
            .outerjoin(calibrations, trackers.c.key == calibrations.c.device)
            .where(calibrations.c.fitted.is_(None) | (calibrations.c.fitted < before))
            .order_by(calibrations.c.fitted, trackers.c.key)
            .limit(limit)
        )
        with reading(self._engine) as connection:
            return [(int(owner), int(device)) for owner, device in connection.execute(query).all()]
