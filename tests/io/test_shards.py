"""Shards: whole or absent, resumable, and streamed in a known order within a known memory."""

import itertools
import json
import tracemalloc

import numpy as np
import pyarrow
import pyarrow.ipc
import pytest

from brise.conventions.errors import ConventionError, InputError, NotFoundError, StoreError
from brise.io import shards as module
from brise.io.shards import (
    Reading,
    ShardReader,
    check_shards,
    finished,
    read_index,
    read_shard,
    write_index,
    write_shard,
)


def samples(first, count, shape=(2, 3)):
    number = np.arange(first, first + count)
    x = np.broadcast_to(number[(slice(None),) + (None,) * len(shape)], (count, *shape))
    return {"number": number, "x": x.astype(np.float32)}


@pytest.fixture
def folder(tmp_path):
    """Seven shards of 10 samples, the last of 5."""
    names = [f"s{i}" for i in range(7)]
    for i, name in enumerate(names):
        write_shard(tmp_path, name, samples(10 * i, 10 if i < 6 else 5), "v1")
    write_index(tmp_path, names[::-1], {"licence": "CC0"})
    return tmp_path


def numbers(reader, epoch=0, position=0):
    return [batch["number"].tolist() for batch in reader.stream(epoch, position)]


def test_what_is_written_is_read(folder):
    shards, about = read_index(folder)
    assert [shard.name for shard in shards] == [f"s{i}" for i in range(7)]
    assert about == {"licence": "CC0"}
    arrays = read_shard(folder, shards[6])
    np.testing.assert_array_equal(arrays["number"], np.arange(60, 65))
    np.testing.assert_array_equal(arrays["x"], samples(60, 5)["x"])
    assert check_shards(folder) == 7


def test_any_arrow_library_reads_them(folder):
    table = pyarrow.ipc.open_file(str(folder / "s1.arrow")).read_all()
    assert table.column("x").type == pyarrow.fixed_shape_tensor(pyarrow.float32(), (2, 3))
    assert table.column("number").to_pylist() == list(range(10, 20))


def test_in_order_every_sample_comes_once(folder):
    with ShardReader(folder, Reading(8, shuffle=False, together=2)) as reader:
        assert len(reader) == 9
        assert numbers(reader) == numbers(reader, epoch=3)
        assert list(itertools.chain(*numbers(reader))) == list(range(65))
        batch = reader.batch(8)
    np.testing.assert_array_equal(batch["x"][:, 0, 0], [64.0])


def test_shuffled_is_another_order_each_epoch_and_the_same_each_time(folder):
    with ShardReader(folder, Reading(8, together=2)) as reader, ShardReader(folder, Reading(8, together=2)) as other:
        epochs = [numbers(reader, epoch) for epoch in range(3)]
        assert epochs[1] == numbers(other, 1)  # without what came before
        for batch in reader.stream(2):
            np.testing.assert_array_equal(batch["x"][:, 1, 2], batch["number"])
    for epoch in epochs:
        assert sorted(itertools.chain(*epoch)) == list(range(65))
    assert len({str(epoch) for epoch in epochs}) == 3
    with ShardReader(folder, Reading(8, together=2, seed=1)) as reader:
        assert numbers(reader) != epochs[0]


@pytest.mark.parametrize("position", [0, 1, 4, 8])
def test_reading_begins_anywhere(folder, position):
    with ShardReader(folder, Reading(8, together=2)) as reader:
        whole = numbers(reader, 1)
    with ShardReader(folder, Reading(8, together=2)) as reader:
        assert numbers(reader, 1, position) == whole[position:]
        assert reader.batch(2 * 9)["number"].tolist() == numbers(reader, 2)[0]  # and goes on, and back


def test_lanes_read_their_own_shards_and_together_everything(folder):
    reading = Reading(5, together=2, lanes=2)
    with ShardReader(folder, reading) as one, ShardReader(folder, reading) as two:
        both = numbers(one)
        assert len(both) == len(one) == 14
        split = [reader.batch(i)["number"].tolist() for i in range(14) for reader in ((one, two)[i % 2],)]
    assert split == both  # two processes see what one sees
    assert all(len(batch) == 5 for batch in both)
    lanes = [{n // 10 for n in itertools.chain(*both[lane::2])} for lane in (0, 1)]
    assert not lanes[0] & lanes[1]


def test_memory_is_bounded_whatever_the_size(tmp_path):
    one = write_shard(tmp_path, "s000", samples(0, 64, (64, 64))).bytes
    for count in (16, 48):
        names = [f"s{i:03d}" for i in range(count)]
        for i, name in enumerate(names):
            finished(tmp_path, name) or write_shard(tmp_path, name, samples(64 * i, 64, (64, 64)))
        write_index(tmp_path, names, {})
        tracemalloc.start()
        with ShardReader(tmp_path, Reading(16, together=2)) as reader:
            for _ in reader.stream():
                pass
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        assert peak < 5.5 * one  # 2 here, 2 coming, batches of a quarter, and small change


def test_finished_shards_are_known_and_half_ones_are_not(folder, monkeypatch):
    assert finished(folder, "s1", "v1").samples == 10
    assert finished(folder, "s1", "v2") is None
    assert finished(folder, "s9") is None
    # killed between the data and its description, and while writing the data
    (folder / "s2.json").unlink()
    (folder / ".s3.arrow.0123.part").write_bytes(b"half")
    (folder / "s4.arrow").write_bytes((folder / "s4.arrow").read_bytes()[:100])
    assert [finished(folder, f"s{i}", "v1") is not None for i in (1, 2, 3, 4)] == [True, False, True, False]
    with pytest.raises(NotFoundError, match=r"shard s2 of .* is not finished"):
        write_index(folder, ["s1", "s2"], {})
    write_shard(folder, "s2", samples(20, 10), "v1")
    write_shard(folder, "s4", samples(40, 10), "v1")
    write_index(folder, [f"s{i}" for i in range(7)], {})
    assert check_shards(folder) == 7
    assert not list(folder.glob(".*"))


def test_a_write_that_fails_leaves_what_was_there(folder, monkeypatch):
    def full(descriptor):
        raise OSError(28, "No space left on device")

    before = (folder / "s1.arrow").read_bytes()
    monkeypatch.setattr(module.os, "fsync", full)
    with pytest.raises(StoreError, match=r"cannot write shard .*s1\.arrow: .*No space"):
        write_shard(folder, "s1", samples(0, 3))
    assert (folder / "s1.arrow").read_bytes() == before
    assert finished(folder, "s1", "v1")


def test_shards_of_different_fields_make_no_set(folder):
    write_shard(folder, "s1", samples(0, 3, (4,)))
    with pytest.raises(ConventionError, match="shard s1 holds"):
        write_index(folder, ["s0", "s1"], {})


@pytest.mark.parametrize(
    ("arrays", "match"),
    [
        ({}, r"arrays of \[\] samples"),
        ({"x": np.zeros(0)}, r"arrays of \[0\] samples"),
        ({"x": np.zeros(2), "y": np.zeros(3)}, r"arrays of \[2, 3\] samples"),
        ({"x": np.array(["a"])}, "x has dtype <U1"),
    ],
)
def test_arrays_are_checked(tmp_path, arrays, match):
    with pytest.raises(InputError, match=match):
        write_shard(tmp_path, "s", arrays)


def test_damage_is_found(folder):
    data = bytearray((folder / "s3.arrow").read_bytes())
    data[len(data) // 2] ^= 1
    (folder / "s3.arrow").write_bytes(data)
    with pytest.raises(ConventionError, match=r"shard s3 of .* has sha256"):
        check_shards(folder)
    (folder / "s3.arrow").write_bytes(data[:-1])
    with (
        ShardReader(folder, Reading(8, shuffle=False)) as reader,
        pytest.raises(ConventionError, match="the index says"),
    ):
        numbers(reader)
    (folder / "s3.arrow").write_bytes(bytes(len(data)))
    with ShardReader(folder, Reading(8, shuffle=False)) as reader, pytest.raises(ConventionError, match="not a shard"):
        numbers(reader)
    (folder / "s3.arrow").unlink()
    with pytest.raises(StoreError, match="cannot read shard s3"):
        check_shards(folder)
    with ShardReader(folder, Reading(8, shuffle=False)) as reader:
        for _ in range(2):  # a later call tries again
            with pytest.raises(StoreError, match=r"cannot read .*s3\.arrow"):
                numbers(reader)


def test_a_folder_without_a_good_index_is_refused(tmp_path, folder):
    with pytest.raises(NotFoundError, match="no training data at"):
        ShardReader(tmp_path / "other", Reading(8))
    with pytest.raises(InputError, match="at most 7 lanes"):
        ShardReader(folder, Reading(8, lanes=8))
    (folder / "index.json").write_text(json.dumps({"shards": [1]}))
    with pytest.raises(ConventionError, match="not an index of shards"):
        read_index(folder)
