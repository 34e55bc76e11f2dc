"""Opening what an owner hands us: tables, tracks and archives of them, none trusted.

Everything is a stream: a table of 10 GB is read in blocks, an archive is never unpacked to disk (only an archive within
an archive is, for it must be sought in, to a nameless file). Archives that unpack to more than they may are refused
before a byte of them is read.
"""

import codecs
import gzip
import tempfile
import zipfile
import zlib
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, cast

from brise.conventions.errors import InputError

MOST_MEMBERS = 10_000
MOST_UNPACKED = 32 * 2**30
MOST_NESTED = 2**30
"""Bytes of an archive within an archive."""
MOST_DEPTH = 3
MOST_RATIO = 250
"""Unpacked to packed: tables reach 10 to 60, a bomb 1,000."""
RATIO_FROM = 16 * 2**20
"""Smaller members may be as empty as they like."""

BLOCK = 8 * 2**20
HEAD = 256 * 1024

_TABLES = (".csv", ".tsv", ".txt", ".gpx", ".log", "")
_IGNORED = (".kml", ".kmz", ".png", ".jpg", ".jpeg", ".pdf", ".html", ".md", ".json", ".xlsx", ".xls")


@dataclass(frozen=True, slots=True)
class Entry:
    """One table or track, wherever it lies.

    Attributes:
        name: For people: "export.zip/flow/sensor_3/sensor_measures_1.csv".
        path: The file on disk.
        members: The way to it through archives; empty = the file itself.
        size: Bytes it takes, unpacked.
    """

    name: str
    path: Path
    members: tuple[str, ...]
    size: int


def entries(paths: Iterable[Path]) -> tuple[list[Entry], list[str]]:
    """Every table and track in some files and folders, archives opened, and notes of what was left out.

    Raises:
        InputError: A file does not exist or cannot be read, or an archive is broken, locked, or unpacks to too much.
    """
    found: list[Entry] = []
    notes: list[str] = []
    for path, name in _files(paths):
        try:
            with path.open("rb") as stream:
                _collect(stream, Entry(name, path, (), path.stat().st_size), found, notes)
        except OSError as error:
            raise InputError(f"{path}: cannot be read: {error.strerror or error}") from None
    unpacked = sum(one.size for one in found if one.members)
    if unpacked > MOST_UNPACKED:
        raise InputError(f"the archives unpack to {unpacked:,} bytes; at most {MOST_UNPACKED:,} are read")
    return found, notes


def _files(paths: Iterable[Path]) -> Iterator[tuple[Path, str]]:
    """Files and what people call them; of a folder, all in it, as of an archive that was unpacked."""
    for path in paths:
        if path.is_dir():
            inside = sorted(one for one in path.rglob("*") if one.is_file() and not one.name.startswith("."))
            if len(inside) > MOST_MEMBERS:
                raise InputError(f"{path}: {len(inside)} files; at most {MOST_MEMBERS} are read")
            for one in inside:
                yield one, f"{path.name}/{one.relative_to(path).as_posix()}"
        elif path.is_file():
            yield path, path.name
        else:
            raise InputError(f"{path}: no such file")


def _collect(stream: IO[bytes], entry: Entry, found: list[Entry], notes: list[str]) -> None:
    """The entry itself, or what is in it when it is an archive."""
    start = stream.read(4)
    stream.seek(0)
    suffix = Path(entry.name).suffix.lower()
    if start != b"PK\x03\x04":
        if suffix in _IGNORED or suffix not in (*_TABLES, ".gz"):
            notes.append(f"{entry.name}: left out, not a table or a track")
        else:
            found.append(entry)
        return
    if len(entry.members) >= MOST_DEPTH:
        raise InputError(f"{entry.name}: archives within archives, more than {MOST_DEPTH} deep")
    try:
        with zipfile.ZipFile(stream) as archive:
            for info in _members(archive, entry.name):
                inner = Entry(
                    f"{entry.name}/{info.filename}", entry.path, (*entry.members, info.filename), info.file_size
                )
                if Path(info.filename).suffix.lower() == ".zip":
                    with _seekable(archive, info, inner.name) as nested:
                        _collect(nested, inner, found, notes)
                elif Path(info.filename).suffix.lower() in _TABLES:
                    found.append(inner)
                else:
                    notes.append(f"{inner.name}: left out, not a table or a track")
    except (zipfile.BadZipFile, zlib.error, RuntimeError, EOFError) as error:  # RuntimeError: an unknown compression
        raise InputError(f"{entry.name}: a broken archive: {error}") from None


def _members(archive: zipfile.ZipFile, name: str) -> list[zipfile.ZipInfo]:
    """The files of an archive, once it is known that they may be unpacked."""
    listed = archive.infolist()
    if len(listed) > MOST_MEMBERS:
        raise InputError(f"{name}: {len(listed)} members; at most {MOST_MEMBERS} are read")
    total = sum(info.file_size for info in listed)
    if total > MOST_UNPACKED:
        raise InputError(f"{name}: unpacks to {total:,} bytes; at most {MOST_UNPACKED:,} are read")
    for info in listed:
        if info.flag_bits & 1:
            raise InputError(f"{name}/{info.filename}: locked with a password; unlock it first")
        if info.file_size > RATIO_FROM and info.file_size > MOST_RATIO * max(info.compress_size, 1):
            raise InputError(
                f"{name}/{info.filename}: unpacks {info.file_size:,} bytes from {info.compress_size:,}, "
                f"more than {MOST_RATIO} to 1: not read"
            )
    return [i for i in listed if not i.is_dir() and not i.filename.startswith("__MACOSX/")
            and not Path(i.filename).name.startswith(".")]  # fmt: skip


@contextmanager
def _seekable(archive: zipfile.ZipFile, info: zipfile.ZipInfo, name: str) -> Iterator[IO[bytes]]:
    if info.file_size > MOST_NESTED:
        raise InputError(f"{name}: an archive within an archive of {info.file_size:,} bytes; at most {MOST_NESTED:,}")
    with tempfile.SpooledTemporaryFile(max_size=16 * 2**20) as file:
        with archive.open(info) as packed:
            while block := packed.read(2**20):
                file.write(block)
        file.seek(0)
        yield cast("IO[bytes]", file)


@contextmanager
def open_entry(entry: Entry) -> Iterator[IO[bytes]]:
    """The bytes of an entry, as a stream.

    Raises:
        InputError: The file is broken; a compressed one unpacks to more than it may.
    """
    try:
        with entry.path.open("rb") as stream:
            if entry.members:
                with _open_member(stream, entry.members, entry.name) as member:
                    yield member
            elif entry.name.lower().endswith(".gz"):
                with gzip.GzipFile(fileobj=stream) as unpacked:
                    yield cast("IO[bytes]", unpacked)
            else:
                yield stream
    except (zipfile.BadZipFile, gzip.BadGzipFile, zlib.error, EOFError) as error:
        raise InputError(f"{entry.name}: a broken archive: {error}") from None
    except OSError as error:
        raise InputError(f"{entry.name}: cannot be read: {error.strerror or error}") from None


@contextmanager
def _open_member(stream: IO[bytes], members: tuple[str, ...], name: str) -> Iterator[IO[bytes]]:
    with zipfile.ZipFile(stream) as archive:
        info = archive.getinfo(members[0])
        if len(members) == 1:
            with archive.open(info) as member:
                yield member
        else:
            with _seekable(archive, info, name) as nested, _open_member(nested, members[1:], name) as member:
                yield member


def encoding_of(head: bytes) -> str:
    """The encoding of a text by its first bytes: a mark, zeros at every second byte, valid UTF-8, else Windows-1252.

    >>> encoding_of("µg".encode("utf-16")), encoding_of("µg".encode()), encoding_of("µg".encode("latin-1"))
    ('utf-16', 'utf-8', 'cp1252')
    """
    if head.startswith(codecs.BOM_UTF8):
        return "utf-8-sig"
    if head.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        return "utf-16"
    even, odd = head[0:2000:2].count(0), head[1:2000:2].count(0)
    few = len(head[:2000]) / 8
    if odd > few and even <= few / 4:
        return "utf-16-le"
    if even > few and odd <= few / 4:
        return "utf-16-be"
    try:
        codecs.getincrementaldecoder("utf-8")().decode(head)
    except UnicodeDecodeError:
        return "cp1252"
    return "utf-8"


def most_bytes(entry: Entry) -> int | None:
    """How much an entry may unpack to where its archive does not say: a .gz; None = it says, or is not packed."""
    return max(RATIO_FROM, MOST_RATIO * entry.size) if entry.name.lower().endswith(".gz") else None


def blocks(stream: IO[bytes], name: str, most: int | None = None, size: int = BLOCK) -> tuple[str, Iterator[bytes]]:
    """(encoding, the text in blocks of whole lines, as UTF-8 with plain line ends).

    Raises:
        InputError: It is no text; while reading: a line is longer than a block, or there is more than `most`.
    """
    first = stream.read(min(HEAD, size))
    encoding = encoding_of(first)
    if b"\0" in first[:4096] and not encoding.startswith("utf-16"):
        raise InputError(f"{name}: not a text")
    return encoding, _blocks(first, stream, (name, encoding), most, size)


def _blocks(first: bytes, stream: IO[bytes], about: tuple[str, str], most: int | None, size: int) -> Iterator[bytes]:
    name, encoding = about
    plain = encoding == "utf-8"
    decoder = codecs.getincrementaldecoder(encoding)(errors="replace")
    old_mac = plain and b"\r" in first and b"\n" not in first
    unpacked, rest, piece = 0, b"", first
    while piece:
        unpacked += len(piece)
        if most is not None and unpacked > most:
            raise InputError(f"{name}: unpacks to more than {most:,} bytes, {MOST_RATIO} to 1: not read on")
        text = piece if plain else decoder.decode(piece).encode()
        rest += text.replace(b"\r", b"\n") if old_mac else text
        cut = rest.rfind(b"\n") + 1
        if cut:
            yield rest[:cut]
            rest = rest[cut:]
        elif len(rest) > size:
            raise InputError(f"{name}: a line longer than {size:,} bytes")
        piece = stream.read(size)
    rest += b"" if plain else decoder.decode(b"", final=True).encode()
    if rest.strip(b"\0 \r\n\x1a"):
        yield rest + b"\n"
