"""Faults of payloads: truncated, empty, gigabyte-sized, wrongly encoded, a web page instead of data."""

import gzip
import resource

import pytest

from brise.conventions.errors import DecodeError
from brise.io.sources.payload import as_json, as_records, as_text, field_of, snippet, unpack


def test_gzip_is_opened_wherever_it_comes_and_in_several_members():
    assert unpack(b"plain", "x") == b"plain"
    assert unpack(gzip.compress(b"one ") + gzip.compress(b"two"), "x") == b"one two"


@pytest.mark.parametrize(
    ("payload", "message"),
    [
        (b"", "x: the payload is empty"),
        (b" \n", "x: the payload is empty"),
        (gzip.compress(b"  ", mtime=0), "x: the payload is empty once decompressed"),
        (gzip.compress(b"some text" * 50, mtime=0)[:-10], "x: the gzip stream is cut short after"),
        (gzip.compress(b"some text" * 50, mtime=0)[:20] + b"\x00" * 40, "x: "),
        (b"\x1f\x8b\x08\x00" + b"\xff" * 40, "x: corrupt gzip"),
    ],
)
def test_damaged_payloads(payload, message):
    with pytest.raises(DecodeError, match=message):
        unpack(payload, "x")


def test_a_bomb_of_a_gigabyte_stops_at_the_limit():
    bomb = gzip.compress(bytes(2**23), 9) * 128
    assert len(bomb) < 2**21
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    with pytest.raises(DecodeError, match="more than the limit of 16777216 bytes when decompressed"):
        unpack(bomb, "x", 16 * 2**20)
    grown = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before
    assert grown < 128 * 1024  # KiB: the limit and a copy or two of it, not the gigabyte


def test_a_large_plain_payload_stops_at_the_limit():
    with pytest.raises(DecodeError, match="x: 20 bytes, more than the limit of 10"):
        unpack(b"a" * 20, "x", 10)


def test_text_and_json():
    assert as_text(b"\xef\xbb\xbfa,b", "x") == "a,b"
    assert as_json(b'\xef\xbb\xbf{"a": 1}', "x") == {"a": 1}
    with pytest.raises(DecodeError, match="x: not UTF-8 at byte 1"):
        as_text(b"a\xff", "x")
    with pytest.raises(DecodeError, match="x: a web page instead of data: '<!DOCTYPE html>'"):
        as_text(b"<!DOCTYPE html>", "x")
    with pytest.raises(DecodeError, match="x: a web page instead of JSON"):
        as_json(b"\n<html>", "x")
    with pytest.raises(DecodeError, match=r"x: not JSON \(.*character"):
        as_json(b'{"a": [1, 2', "x")
    with pytest.raises(DecodeError, match="x: not JSON"):
        as_json('{"a": "é"}'.encode("utf-16"), "x")


def test_csv():
    assert as_records(b" a,b\n1,2\n", "x", ("a",)) == [{"a": "1", "b": "2"}]
    assert as_records(b"a,b\n1,2", "x", ("a",), newline=False) == [{"a": "1", "b": "2"}]
    with pytest.raises(DecodeError, match="x: no column c in the header: 'a,b"):
        as_records(b"a,b\n", "x", ("a", "c"))
    with pytest.raises(DecodeError, match="x: cut short: the last line does not end: 'a,b'"):
        as_records(b"a,b", "x", ("a",), newline=False)
    with pytest.raises(DecodeError, match="x: cut short in line 3"):
        as_records(b"a,b\n1,2\n3", "x", ("a",), newline=False)
    with pytest.raises(DecodeError, match=r"x: cut short: the last line does not end: 'a,b.1,2'"):
        as_records(b"a,b\n1,2", "x", ("a",))
    with pytest.raises(DecodeError, match="x: not CSV at line"):
        as_records(b"a,b\n" + b"1" * 200_000 + b"\n", "x", ("a",))


def test_snippets_are_short_and_printable():
    text = snippet(b"\x00\x1b[31m" + b"z" * 500)
    assert text.startswith("'..[31mzz")
    assert len(text) == 82


def test_fields_that_are_not_there():
    assert field_of([1], "a") is None
