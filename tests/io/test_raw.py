"""Kept payloads: named without secrets, whole or not at all, pruned by age and size."""

import gzip
import os
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from brise.conventions.errors import DecodeError, InputError, NotFoundError, StoreError
from brise.io import raw
from brise.io.raw import RawStore, read_payload, received_at

NOW = datetime(2024, 5, 1, 12, tzinfo=UTC)


def test_a_payload_comes_back(tmp_path):
    path = RawStore(tmp_path).save("openaq", b'{"a": 1}', NOW)
    assert path.parent == tmp_path / "openaq" / "2024-05-01"
    assert gzip.decompress(read_payload(path)) == b'{"a": 1}'
    assert received_at(path) == NOW


def test_same_content_and_second_is_one_file_and_gzip_is_not_pressed_twice(tmp_path):
    store = RawStore(tmp_path)
    pressed = gzip.compress(b"x", mtime=0)
    assert store.save("a", pressed, NOW) == store.save("a", pressed, NOW)
    assert store.save("a", b"y", NOW) != store.save("a", b"z", NOW)
    assert read_payload(store.save("a", pressed, NOW)) == pressed
    assert len(list(tmp_path.rglob("*.gz"))) == 3


def test_prune_by_age_then_by_size(tmp_path):
    store = RawStore(tmp_path, keep=timedelta(days=7), keep_bytes=2500)
    for days in (0, 1, 2, 8):
        store.save("a", os.urandom(1000), NOW - timedelta(days=days))
    assert store.prune(NOW) == 2  # one too old, one too many
    assert sorted(received_at(p) for p in tmp_path.rglob("*.gz")) == [NOW - timedelta(days=1), NOW]
    assert store.prune(NOW) == 0


def test_a_full_disk_leaves_nothing_half_written(tmp_path, monkeypatch):
    def full(_descriptor):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(raw.os, "fsync", full)
    with pytest.raises(StoreError, match=r"raw payload of openaq: cannot write .*: No space left on device"):
        RawStore(tmp_path).save("openaq", b"x", NOW)
    assert [p for p in tmp_path.rglob("*") if p.is_file()] == []
    monkeypatch.undo()
    assert RawStore(tmp_path).save("openaq", b"x", NOW).exists()


def test_a_file_that_cannot_go_is_said(tmp_path, monkeypatch):
    store = RawStore(tmp_path)
    store.save("a", b"x", NOW - timedelta(days=30))

    def refuse(_self, missing_ok=False):
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(Path, "unlink", refuse)
    with pytest.raises(StoreError, match=r"cannot delete .*: Permission denied"):
        store.prune(NOW)


def test_names_that_are_none(tmp_path):
    with pytest.raises(InputError, match=r"raw payload of '../etc'"):
        RawStore(tmp_path).save("../etc", b"x", NOW)
    with pytest.raises(InputError, match=r"not the name of a kept payload"):
        received_at(Path("notes.gz"))


def test_reading_is_bounded(tmp_path):
    path = tmp_path / "big"
    with path.open("wb") as file:
        file.truncate(2**30 + 1)  # sparse: a gigabyte by name only
    with pytest.raises(DecodeError, match=r"1073741825 bytes, more than the limit of 1073741824"):
        read_payload(path)
    with pytest.raises(NotFoundError, match=r"no file"):
        read_payload(tmp_path / "none")
    with pytest.raises(StoreError, match="cannot read"):
        read_payload(tmp_path)
