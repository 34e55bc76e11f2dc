"""Owners, their tokens and their trackers.

Every method that reads or changes something takes the owner it is done for; what belongs to another is as what does not
exist.
"""

import secrets
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, Engine, delete, func, insert, select, update
from sqlalchemy.exc import IntegrityError

from brise.conventions.errors import InputError, NotFoundError
from brise.io import erasure
from brise.io.database import reading, writing
from brise.io.keys import Key, mint, prefix_of, same
from brise.io.tracker_schema import owners, tokens, trackers

MAX_TRACKERS = 50
"""Of one owner."""

_AT_ONCE = 500

MAX_TOKENS = 20
"""Of one owner."""


@dataclass(frozen=True, slots=True)
class Owner:
    """Who owns trackers; nothing else is known of them.

    Attributes:
        key: Number in the store, never shown.
        id: Shown.
        created: Seconds since 1970 UTC.
    """

    key: int
    id: str
    created: int


@dataclass(frozen=True, slots=True)
class Tracker:
    """A device, as its owner sees it.

    Attributes:
        key: Number in the store, never shown.
        id: Shown, and in the paths of the API.
        name: The owner's.
        model: What kind of device, as the owner says; "" = unknown.
        serial: The maker's number, by which its firmware names itself; None = not registered.
        latitude: Degrees north, of a device that stays; None = it moves.
        longitude: Degrees east.
        created: Seconds since 1970 UTC.
    """

    key: int
    id: str
    name: str
    model: str
    serial: str | None
    latitude: float | None
    longitude: float | None
    created: int


@dataclass(frozen=True, slots=True)
class Pusher:
    """A device that has shown its key.

    Attributes:
        tracker: The device.
        prefix: Of the key shown; it must still be the device's key when what it sent is stored.
    """

    tracker: Tracker
    prefix: str


_TRACKER = [trackers.c[name] for name in Tracker.__dataclass_fields__]


def _now() -> int:
    return int(time.time())


class Owners:
    """Each method is one transaction; StoreError when the database cannot serve."""

    def __init__(self, engine: Engine) -> None:
        """Use `Tables.open(url).owners`."""
        self._engine = engine

    # Owners and their tokens.

    def create(self) -> tuple[Owner, str]:
        """A new owner, and the token that is shown this once."""
        token, now = mint("bo"), _now()
        name = f"o{secrets.token_hex(8)}"
        with writing(self._engine) as connection:
            statement = insert(owners).values(id=name, created=now).returning(owners.c.key)
            key = int(connection.execute(statement).scalar_one())
            _add_token(connection, key, token, now)
        return Owner(key, name, now), token.text

    def by_token(self, text: str) -> Owner | None:
        """Who shows a token; None if nobody's."""
        prefix = prefix_of(text, "bo")
        if prefix is None:
            return None
        query = select(owners, tokens.c.digest).join(tokens, tokens.c.owner == owners.c.key)
        with reading(self._engine) as connection:
            row = connection.execute(query.where(tokens.c.prefix == prefix)).one_or_none()
        return Owner(row.key, row.id, row.created) if row is not None and same(text, row.digest) else None

    def by_id(self, owner_id: str) -> Owner:
        """The owner of an id, for who runs the server.

        Raises:
            NotFoundError: No such owner.
        """
        with reading(self._engine) as connection:
            row = connection.execute(select(owners).where(owners.c.id == owner_id)).one_or_none()
        if row is None:
            raise NotFoundError(f"no owner {owner_id!r}")
        return Owner(row.key, row.id, row.created)

    def count(self) -> int:
        """How many owners there are."""
        with reading(self._engine) as connection:
            return int(connection.scalar(select(func.count()).select_from(owners)) or 0)

    def tokens(self, owner: int) -> list[tuple[str, int]]:
        """Prefix and creation of each token, oldest first."""
        query = select(tokens.c.prefix, tokens.c.created).where(tokens.c.owner == owner)
        with reading(self._engine) as connection:
            return [(row.prefix, row.created) for row in connection.execute(query.order_by(tokens.c.created)).all()]

    def add_token(self, owner: int) -> str:
        """One more token, for another device of the same person.

        Raises:
            InputError: There are too many.
        """
        token = mint("bo")
        with writing(self._engine) as connection:
            hold_owner(connection, owner)
            count = connection.scalar(select(func.count()).select_from(tokens).where(tokens.c.owner == owner))
            if int(count or 0) >= MAX_TOKENS:
                raise InputError(f"at most {MAX_TOKENS} tokens; revoke one first")
            _add_token(connection, owner, token, _now())
        return token.text

    def revoke_token(self, owner: int, prefix: str) -> None:
        """From now on the token opens nothing.

        Raises:
            NotFoundError: The owner has none with this prefix.
        """
        mine = (tokens.c.owner == owner) & (tokens.c.prefix == prefix)
        with writing(self._engine) as connection:
            if connection.execute(delete(tokens).where(mine)).rowcount == 0:
                raise NotFoundError(f"no token {prefix!r}")

    # Trackers.

    def register(self, owner: int, about: Mapping[str, Any]) -> tuple[Tracker, str]:
        """A new tracker, and the key that is shown this once.

        Args:
            owner: Whose.
            about: Any of `name, model, serial, latitude, longitude`.

        Raises:
            InputError: There are too many, or the serial is registered already.
        """
        key = mint("bd")
        row = {"name": "", "model": "", **about, "id": f"t{secrets.token_hex(8)}", "owner": owner, "created": _now()}
        row |= {"key_prefix": key.prefix, "key_digest": key.digest}
        with writing(self._engine) as connection:
            hold_owner(connection, owner)
            count = connection.scalar(select(func.count()).select_from(trackers).where(trackers.c.owner == owner))
            if int(count or 0) >= MAX_TRACKERS:
                raise InputError(f"at most {MAX_TRACKERS} trackers an owner; erase one first")
            with _one_serial(about):
                found = connection.execute(insert(trackers).values(row).returning(*_TRACKER)).one()
        return _tracker(found), key.text

    def trackers(self, owner: int) -> list[Tracker]:
        """An owner's trackers, oldest first."""
        query = select(*_TRACKER).where(trackers.c.owner == owner).order_by(trackers.c.key)
        with reading(self._engine) as connection:
            return [_tracker(row) for row in connection.execute(query).all()]

    def tracker(self, owner: int, tracker_id: str) -> Tracker:
        """One tracker of an owner.

        Raises:
            NotFoundError: The owner has no such tracker.
        """
        query = select(*_TRACKER).where(trackers.c.owner == owner, trackers.c.id == tracker_id)
        with reading(self._engine) as connection:
            row = connection.execute(query).one_or_none()
        if row is None:
            raise NotFoundError(f"no tracker {tracker_id!r}")
        return _tracker(row)

    def change(self, owner: int, tracker_id: str, changes: Mapping[str, Any]) -> Tracker:
        """Rename a tracker, or say where it stands.

        Raises:
            NotFoundError: The owner has no such tracker.
            InputError: The serial is registered already.
        """
        mine = (trackers.c.owner == owner) & (trackers.c.id == tracker_id)
        if changes:
            with writing(self._engine) as connection, _one_serial(changes):
                connection.execute(update(trackers).where(mine).values(**changes))
        return self.tracker(owner, tracker_id)

    def new_key(self, owner: int, tracker_id: str) -> str:
        """A new key for a tracker; the old one opens nothing from now on.

        Raises:
            NotFoundError: The owner has no such tracker.
        """
        key = mint("bd")
        mine = (trackers.c.owner == owner) & (trackers.c.id == tracker_id)
        statement = update(trackers).where(mine).values(key_prefix=key.prefix, key_digest=key.digest)
        with writing(self._engine) as connection:
            if connection.execute(statement).rowcount == 0:
                raise NotFoundError(f"no tracker {tracker_id!r}")
        return key.text

    # Erasure.

    def erase(self, owner: int) -> int:
        """Delete an owner and all that is theirs; `scrub` makes its bytes go. Samples deleted."""
        return erasure.erase_owner(self._engine, owner)

    def erase_tracker(self, owner: int, device: int) -> int:
        """Delete one tracker and all of it; `scrub` makes its bytes go. Samples deleted."""
        return erasure.erase_tracker(self._engine, owner, device)

    def erase_period(self, owner: int, device: int, start: int, end: int) -> int:
        """Delete a tracker's samples of start < time ≤ end; `scrub` makes their bytes go. Samples deleted."""
        return erasure.erase_period(self._engine, owner, device, start, end)

    def scrub(self) -> None:
        """Make the bytes of what was deleted go from the database's files."""
        erasure.scrub(self._engine)

    # Devices that push.

    def by_keys(self, texts: Sequence[str]) -> list[Pusher | None]:
        """Which device shows each key; None where none does."""
        prefixes = [prefix_of(text, "bd") for text in texts]
        wanted = sorted({prefix for prefix in prefixes if prefix})
        found: dict[str | None, Any] = {}
        query = select(*_TRACKER, trackers.c.key_prefix, trackers.c.key_digest)
        with reading(self._engine) as connection:
            for start in range(0, len(wanted), _AT_ONCE):
                chunk = query.where(trackers.c.key_prefix.in_(wanted[start : start + _AT_ONCE]))
                found |= {row.key_prefix: row for row in connection.execute(chunk).all()}
        rows = [found.get(prefix) for prefix in prefixes]
        return [
            Pusher(_tracker(row), row.key_prefix) if row is not None and same(text, row.key_digest) else None
            for text, row in zip(texts, rows, strict=True)
        ]

    def by_key(self, text: str) -> Pusher | None:
        """Which device shows a key; None if none does."""
        return self.by_keys([text])[0]

    def by_serial(self, serial: str) -> Pusher | None:
        """The device registered with a maker's number; None if none is. A serial is no secret: see `trusted_push`."""
        row = self._device(trackers.c.serial == serial)
        return None if row is None else Pusher(_tracker(row), row.key_prefix)

    def by_tracker_id(self, tracker_id: str) -> Pusher | None:
        """The device of an id, for a broker that has checked who publishes; None if there is none."""
        row = self._device(trackers.c.id == tracker_id)
        return None if row is None else Pusher(_tracker(row), row.key_prefix)

    def _device(self, which: Any) -> Any:
        query = select(*_TRACKER, trackers.c.key_prefix, trackers.c.key_digest).where(which)
        with reading(self._engine) as connection:
            return connection.execute(query).one_or_none()


def _tracker(row: Any) -> Tracker:
    return Tracker(*(getattr(row, name) for name in Tracker.__dataclass_fields__))


def _add_token(connection: Connection, owner: int, token: Key, now: int) -> None:
    row = {"prefix": token.prefix, "digest": token.digest, "owner": owner, "created": now}
    connection.execute(insert(tokens).values(row))


def hold_owner(connection: Connection, owner: int) -> None:
    """Keep an owner from being erased until this transaction ends.

    Raises:
        NotFoundError: They are erased already.
    """
    query = select(owners.c.key).where(owners.c.key == owner).with_for_update(read=True, key_share=True)
    if connection.scalar(query) is None:
        raise NotFoundError("this owner has been erased")


def hold_tracker(connection: Connection, owner: int, key: int) -> None:
    """Keep a tracker from being erased until this transaction ends.

    Raises:
        NotFoundError: It is erased already, or another's.
    """
    mine = (trackers.c.key == key) & (trackers.c.owner == owner)
    query = select(trackers.c.key).where(mine).with_for_update(read=True, key_share=True)
    if connection.scalar(query) is None:
        raise NotFoundError("this tracker has been erased")


@contextmanager
def _one_serial(about: Mapping[str, Any]) -> Iterator[None]:
    try:
        yield
    except IntegrityError:
        raise InputError(f"serial={about.get('serial')!r} is registered already") from None
