"""Raw payloads as they came, kept before anyone decodes them, so that a decoder's fault loses nothing.

DATA/raw/<source>/<YYYY-MM-DD>/<YYYYMMDDTHHMMSSZ>_<first 16 hex digits of the content's SHA-256>.gz
"""

import gzip
import hashlib
import logging
import os
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from tempfile import NamedTemporaryFile

from brise.conventions.errors import DecodeError, InputError, NotFoundError, StoreError

log = logging.getLogger("brise.raw")

_STAMP = "%Y%m%dT%H%M%SZ"
_GZIP = b"\x1f\x8b"


@dataclass(frozen=True, slots=True)
class RawStore:
    """Where payloads are kept, and for how long.

    Attributes:
        root: DATA/raw.
        keep: Age after which a payload is deleted.
        keep_bytes: Size of all payloads above which the oldest are deleted.
    """

    root: Path
    keep: timedelta = timedelta(days=7)
    keep_bytes: int = 2 * 2**30

    def save(self, source: str, payload: bytes, received_at: datetime) -> Path:
        """Keep a payload; the same content at the same second is one file.

        Nothing of the request is in the name, so no key can be.

        Raises:
            InputError: The source's name is not a plain folder name.
            StoreError: The disk refuses; nothing half-written stays behind.
        """
        if not source.replace("_", "").replace("-", "").isalnum():
            raise InputError(f"raw payload of {source!r}: a source's name has letters, digits, _ and - only")
        moment = received_at.astimezone(UTC)
        folder = self.root / source / f"{moment:%Y-%m-%d}"
        path = folder / f"{moment.strftime(_STAMP)}_{hashlib.sha256(payload).hexdigest()[:16]}.gz"
        body = payload if payload.startswith(_GZIP) else gzip.compress(payload, 6, mtime=0)
        try:
            folder.mkdir(parents=True, exist_ok=True)
            _write_whole(path, body)
        except OSError as error:
            raise StoreError(f"raw payload of {source}: cannot write {path}: {error.strerror}") from error
        return path

    def prune(self, now: datetime) -> int:
        """Delete what is too old, then the oldest until the rest fits; returns how many files went.

        Raises:
            StoreError: A file cannot be deleted.
        """
        files = sorted(self.root.glob("*/*/*.gz"), key=lambda path: path.name, reverse=True)
        oldest, total, gone = now.astimezone(UTC) - self.keep, 0, 0
        for path in files:
            try:
                total += path.stat().st_size
                if received_at(path) < oldest or total > self.keep_bytes:
                    path.unlink()
                    gone += 1
            except FileNotFoundError:
                continue  # another process pruned it
            except OSError as error:
                raise StoreError(f"raw payloads: cannot delete {path}: {error.strerror}") from error
        if gone:
            log.info("raw payloads: deleted %d of %d", gone, len(files))
        return gone


def _write_whole(path: Path, body: bytes) -> None:
    """Write beside, then rename: a reader sees all of it or nothing."""
    with NamedTemporaryFile(dir=path.parent, prefix=".part-", delete=False) as file:
        part = Path(file.name)
        try:
            file.write(body)
            file.flush()
            os.fsync(file.fileno())
            part.replace(path)
        except OSError:
            part.unlink(missing_ok=True)
            raise


def received_at(path: Path) -> datetime:
    """When a kept payload was received, by its name.

    Raises:
        InputError: The name is not one of ours.

    >>> received_at(Path("raw/openaq/2024-05-01/20240501T120000Z_0123456789abcdef.gz")).isoformat()
    '2024-05-01T12:00:00+00:00'
    """
    try:
        return datetime.strptime(path.name.partition("_")[0], _STAMP).replace(tzinfo=UTC)
    except ValueError as error:
        raise InputError(f"{path.name} is not the name of a kept payload") from error


def read_payload(path: Path, limit: int = 2**30) -> bytes:
    """A payload from a file, as it is: decoders decompress.

    Raises:
        NotFoundError: No such file.
        DecodeError: Larger than `limit` bytes.
        StoreError: It cannot be read.
    """
    try:
        size = path.stat().st_size
        if size > limit:
            raise DecodeError(f"{path}: {size} bytes, more than the limit of {limit}")
        return path.read_bytes()
    except FileNotFoundError as error:
        raise NotFoundError(f"no file {path}") from error
    except OSError as error:
        raise StoreError(f"cannot read {path}: {error.strerror}") from error
