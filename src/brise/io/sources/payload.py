"""From bytes to JSON or CSV, or one clear line of DecodeError: what, where, the first 80 safe characters."""

import csv
import io
import zlib
from collections.abc import Sequence
from typing import Any

import orjson

from brise.conventions.errors import DecodeError

MAX_BYTES = 512 * 2**20
"""Largest payload after decompression: a day of the whole world is 0.2 GB; a bomb is far more."""

_GZIP = b"\x1f\x8b"


def snippet(payload: bytes) -> str:
    """The first 80 characters that are safe to print.

    >>> snippet(b"<html>" + bytes(3))
    "'<html>...'"
    """
    return repr("".join(c if c.isprintable() else "." for c in payload[:120].decode("utf-8", "replace"))[:80])


def unpack(payload: bytes, what: str, limit: int = MAX_BYTES) -> bytes:
    """The payload, decompressed where it is gzip (any number of members), never beyond `limit` bytes.

    Raises:
        DecodeError: Empty, truncated, corrupt, or larger than `limit` when decompressed.
    """
    if not payload.strip():
        raise DecodeError(f"{what}: the payload is empty")
    if not payload.startswith(_GZIP):
        if len(payload) > limit:
            raise DecodeError(f"{what}: {len(payload)} bytes, more than the limit of {limit}")
        return payload
    parts: list[bytes] = []
    rest, room = payload, limit
    try:
        while rest.startswith(_GZIP):
            stream = zlib.decompressobj(wbits=31)
            parts.append(stream.decompress(rest, room + 1))
            room -= len(parts[-1])
            if room < 0:
                raise DecodeError(f"{what}: more than the limit of {limit} bytes when decompressed")
            if not stream.eof:
                raise DecodeError(f"{what}: the gzip stream is cut short after {limit - room} decompressed bytes")
            rest = stream.unused_data
    except zlib.error as error:
        raise DecodeError(f"{what}: corrupt gzip after {limit - room} decompressed bytes: {error}") from error
    out = b"".join(parts)
    if not out.strip():
        raise DecodeError(f"{what}: the payload is empty once decompressed")
    return out


def as_text(payload: bytes, what: str) -> str:
    """UTF-8 text of a payload, a byte order mark removed.

    Raises:
        DecodeError: As `unpack`; not UTF-8; or a web page instead of data.
    """
    raw = unpack(payload, what)
    try:
        text = raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise DecodeError(f"{what}: not UTF-8 at byte {error.start}: {snippet(raw)}") from error
    if text.lstrip()[:1] == "<":
        raise DecodeError(f"{what}: a web page instead of data: {snippet(raw)}")
    return text


def as_json(payload: bytes, what: str) -> Any:
    """JSON value of a payload.

    Raises:
        DecodeError: As `unpack`; not UTF-8; a web page; not JSON.
    """
    raw = unpack(payload, what)
    if raw.lstrip()[:1] == b"<":
        raise DecodeError(f"{what}: a web page instead of JSON: {snippet(raw)}")
    try:
        return orjson.loads(raw.removeprefix(b"\xef\xbb\xbf"))
    except orjson.JSONDecodeError as error:
        raise DecodeError(f"{what}: not JSON ({error.msg}, character {error.pos}): {snippet(raw)}") from error


def as_records(
    payload: bytes, what: str, required: Sequence[str], delimiter: str = ",", newline: bool = True
) -> list[dict[str, str]]:
    """Rows of a CSV payload as dicts.

    A last line with fewer fields than the header, or (where the provider ends every line, `newline`) without its end,
    means that the file was cut while it was written or sent: its last number may have lost digits.

    Raises:
        DecodeError: As `as_text`; a required column is missing; the last line is cut short.
    """
    text = as_text(payload, what)
    if not text.endswith("\n") and (newline or "\n" not in text):
        raise DecodeError(f"{what}: cut short: the last line does not end: {snippet(text[-60:].encode())}")
    reader = csv.DictReader(io.StringIO(text), delimiter=delimiter)
    names = [name.strip() for name in reader.fieldnames or []]
    missing = [name for name in required if name not in names]
    if missing:
        raise DecodeError(f"{what}: no column {', '.join(missing)} in the header: {snippet(text.encode())}")
    reader.fieldnames = names
    try:
        rows = [{name: value for name, value in row.items() if name is not None} for row in reader]
    except csv.Error as error:
        raise DecodeError(f"{what}: not CSV at line {reader.line_num}: {error}") from error
    if rows and rows[-1].get(names[-1]) is None:
        raise DecodeError(f"{what}: cut short in line {reader.line_num} of the CSV: {snippet(str(rows[-1]).encode())}")
    return [{name: value or "" for name, value in row.items()} for row in rows]


def field_of(mapping: Any, *path: str) -> Any:
    """A nested field, or None where any step of the path is absent.

    >>> field_of({"a": {"b": 1}}, "a", "b"), field_of({"a": None}, "a", "b")
    (1, None)
    """
    for name in path:
        if not isinstance(mapping, dict):
            return None
        mapping = mapping.get(name)
    return mapping


def list_of(mapping: Any, *path: str) -> list[Any]:
    """A nested list, or an empty one where any step of the path is absent or it is no list.

    >>> list_of({"a": [1]}, "a"), list_of({"a": "x"}, "a")
    ([1], [])
    """
    found = field_of(mapping, *path)
    return found if isinstance(found, list) else []
