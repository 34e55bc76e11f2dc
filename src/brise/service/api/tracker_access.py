"""Who is asking: an owner by token, a device by key; every attempt that fails is counted."""

import base64
import binascii
import time
from collections import OrderedDict
from dataclasses import dataclass
from typing import Annotated

from fastapi import Depends, Path, Request, Security
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer
from limits import parse
from limits.storage import MemoryStorage
from limits.strategies import FixedWindowRateLimiter

from brise.conventions.errors import AccessError, BusyError
from brise.io.keys import digest_of
from brise.io.owners import Owner, Pusher, Tracker
from brise.service.api.dependencies import store_of

FAILURES = parse("60/minute")
"""Wrong keys from one address, then it must wait."""

ACCOUNTS = parse("20/hour")
"""New owners from one address."""

PUSHES = 600
"""Of one device a minute: ten a second, so that it may catch up."""

KNOWN_S = 60.0
"""How long a device's key is taken as known. What it sends is checked again as it is stored, so that a key that was
changed or erased meanwhile opens nothing."""

KNOWN_MOST = 20_000

_LIMITER = FixedWindowRateLimiter(MemoryStorage())
owner_token = HTTPBearer(auto_error=False, scheme_name="owner", description="An owner's token, `bo_…`.")
device_key = HTTPBearer(auto_error=False, scheme_name="device", description="A tracker's key, `bd_…`.")
Shown = Annotated[HTTPAuthorizationCredentials | None, Security(owner_token)]


def address_of(request: Request) -> str:
    """The client's address."""
    return request.client.host if request.client else "unknown"


def refuse_often(request: Request) -> None:
    """Nobody may try keys without end.

    Raises:
        BusyError: Too many have failed from this address.
    """
    if not _LIMITER.test(FAILURES, "failure", address_of(request)):
        raise BusyError("too many keys from this address opened nothing; try again in a minute")


def count_failure(request: Request) -> None:
    """One more key that opened nothing."""
    _LIMITER.hit(FAILURES, "failure", address_of(request))


def count_account(request: Request) -> None:
    """One more owner from this address.

    Raises:
        BusyError: There were too many within the hour.
    """
    if not _LIMITER.hit(ACCOUNTS, "account", address_of(request)):
        raise BusyError("at most 20 new owners an hour from one address; try again later")


class Budget:
    """How often each device has pushed in this minute; one number a device, all forgotten with the minute."""

    def __init__(self) -> None:
        """Begin."""
        self._minute, self._counts = -1, dict[int, int]()

    def spend(self, device: int) -> None:
        """One more push of a device.

        Raises:
            BusyError: There were too many within the minute.
        """
        minute = int(time.monotonic() // 60)
        if minute != self._minute:
            self._minute, self._counts = minute, {}
        count = self._counts[device] = self._counts.get(device, 0) + 1
        if count > PUSHES:
            raise BusyError(f"more than {PUSHES} pushes of this tracker a minute; send batches")


def owner_of(request: Request, shown: Shown) -> Owner:
    """The owner whose token was shown.

    Raises:
        AccessError: None was, or it is nobody's.
        BusyError: Too many were wrong.
    """
    refuse_often(request)
    if shown is None:
        raise AccessError("show an owner's token: Authorization: Bearer bo_…")
    owner = store_of(request).tables().owners.by_token(shown.credentials)
    if owner is None:
        count_failure(request)
        raise AccessError("this token opens nothing: it is misspelt, revoked or erased")
    return owner


Me = Annotated[Owner, Depends(owner_of)]


@dataclass(frozen=True, slots=True)
class Mine:
    """A tracker of the owner who asks.

    Attributes:
        owner: Who asks.
        tracker: Theirs.
    """

    owner: Owner
    tracker: Tracker


Id = Annotated[str, Path(min_length=1, max_length=40, pattern=r"^[a-z0-9]+$")]


def tracker_of(request: Request, me: Me, tracker_id: Id) -> Mine:
    """The tracker in the path, if it belongs to who asks.

    Raises:
        NotFoundError: It does not, or does not exist: which of the two is not told.
    """
    return Mine(me, store_of(request).tables().owners.tracker(me.key, tracker_id))


MyTracker = Annotated[Mine, Depends(tracker_of)]


class KeyRing:
    """Devices that have shown their key lately, by the key's digest: a database is not asked every second by each."""

    def __init__(self) -> None:
        """Know nobody."""
        self._known: OrderedDict[str, tuple[float, Pusher]] = OrderedDict()

    def forget(self, device: int) -> None:
        """Ask the database about this device again."""
        for digest in [one for one, (_, known) in self._known.items() if known.tracker.key == device]:
            del self._known[digest]

    def known(self, text: str) -> Pusher | None:
        """The device that this key was seen to open, within KNOWN_S."""
        until, pusher = self._known.get(digest_of(text), (0.0, None))
        return pusher if time.monotonic() < until else None

    def remember(self, text: str, pusher: Pusher) -> None:
        """This key was seen to open this device."""
        while len(self._known) >= KNOWN_MOST:
            self._known.popitem(last=False)
        self._known[digest_of(text)] = (time.monotonic() + KNOWN_S, pusher)


def key_shown(request: Request) -> str | None:
    """The device key in a request: a bearer, or the password of HTTP Basic, which is what firmware can send."""
    scheme, _, rest = request.headers.get("authorization", "").partition(" ")
    if scheme.lower() == "bearer":
        return rest.strip()
    if scheme.lower() != "basic":
        return None
    try:
        return base64.b64decode(rest, validate=True).decode().partition(":")[2]
    except (binascii.Error, UnicodeDecodeError):
        return None
