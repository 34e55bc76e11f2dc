"""The challenge's answer: every bad file named, nothing half written, the same whatever the order on disk."""

import csv
import io
import warnings
import zipfile

import numpy as np
import pytest

from brise.conventions.errors import InputError, NotFoundError, StoreError
from brise.service.jobs import challenge88 as job


def echo(rain, step):
    """A nowcaster that repeats the last frame's middle; fast, and easy to check."""
    assert step == 6.0
    return np.repeat(rain[:, 3, 63:65, 63:65].mean(axis=(1, 2))[:, None], 8, axis=1)


def rates(value=1.0):
    return np.full((4, 128, 128), value, np.float32)


def put(folder, number, **arrays):
    folder.mkdir(parents=True, exist_ok=True)
    ids = np.arange(8) + 8 * number
    np.savez(folder / f"{number}.npz", **({"data": rates(number), "target_ids": ids} | arrays))


def rows(path):
    with path.open(encoding="ascii") as file:
        return list(csv.reader(file))


@pytest.mark.parametrize("inner", ["x", "."])
def test_answers_every_id_once_in_batches(tmp_path, monkeypatch, inner):
    monkeypatch.setattr(job, "_BATCH", 2)
    for number in range(5):
        put(tmp_path / inner, number)
    assert job.challenge88(tmp_path, tmp_path / "y.csv", echo) == 5
    table = rows(tmp_path / "y.csv")
    assert table[0] == ["ID", "TARGET"]
    assert [int(row[0]) for row in table[1:]] == list(range(40))
    assert [float(row[1]) for row in table[1:]] == [float(n) for n in range(5) for _ in range(8)]


def test_the_classical_nowcaster_answers(tmp_path):
    put(tmp_path, 0, data=rates(0.0))
    put(tmp_path, 1, data=rates(2.0))
    job.challenge88(tmp_path, tmp_path / "y.csv")
    told = np.array([float(row[1]) for row in rows(tmp_path / "y.csv")[1:]]).reshape(2, 8)
    np.testing.assert_allclose(told[0], 0.0, atol=1e-6)  # nothing anywhere stays nothing
    assert (told[1] > 0.3).all()
    assert (told[1] < 3.0).all()


BAD = {
    "not a NumPy archive": lambda path: path.write_bytes(b"hello"),
    "expected data and target_ids": lambda path: np.savez(path, data=rates()),
    "pickle": lambda path: np.savez(path, data=np.array([{}], object), target_ids=np.arange(8)),
    r"expected numbers \(4, 128, 128\)": lambda path: np.savez(path, data=rates()[:3], target_ids=np.arange(8)),
    r"expected ids \(8,\)": lambda path: np.savez(path, data=rates(), target_ids=np.arange(7)),
    "expected ids": lambda path: np.savez(path, data=rates(), target_ids=np.arange(8.0)),
    "-1 to 0 mm/h": lambda path: np.savez(path, data=rates(-1), target_ids=np.arange(8)),
    "to inf mm/h": lambda path: np.savez(path, data=rates(np.inf), target_ids=np.arange(8)),
    "65535 mm/h": lambda path: np.savez(path, data=rates(65535), target_ids=np.arange(8)),
    "larger than": lambda path: np.savez_compressed(path, data=np.zeros((4, 512, 512)), target_ids=np.arange(8)),
    "id 0 is already in bad.npz": lambda path: np.savez(path, data=rates(), target_ids=np.zeros(8, int)),
    "id 8 is already in 1.npz": lambda path: np.savez(path, data=rates(), target_ids=np.arange(8) + 8),
}


@pytest.mark.parametrize("message", BAD)
def test_a_bad_file_among_good_ones_is_named_and_nothing_is_written(tmp_path, message):
    for number in (1, 2):
        put(tmp_path / "x", number)
    BAD[message](tmp_path / "x" / "bad.npz")
    with pytest.raises(InputError, match=rf"1 of 3 files refused, nothing written: bad\.npz: .*{message}"):
        job.challenge88(tmp_path, tmp_path / "y.csv", echo)
    assert [path.name for path in tmp_path.iterdir()] == ["x"]


def test_all_bad_files_are_named_and_an_older_answer_stays(tmp_path, monkeypatch):
    monkeypatch.setattr(job, "_TOLD", 2)
    out = tmp_path / "y.csv"
    out.write_text("older")
    put(tmp_path / "x", 0)
    for name in "abc":
        (tmp_path / "x" / f"{name}.npz").write_bytes(b"")
    with pytest.raises(InputError, match=r"3 of 4 files refused.*a\.npz.*b\.npz.*and 1 more$"):
        job.challenge88(tmp_path, out, echo)
    assert out.read_text() == "older"


def test_a_cut_file_is_refused(tmp_path):
    put(tmp_path / "x", 0)
    path = tmp_path / "x" / "0.npz"
    path.write_bytes(path.read_bytes()[:-200])
    with pytest.raises(InputError, match=r"0\.npz"):
        job.challenge88(tmp_path, tmp_path / "y.csv", echo)


def test_a_header_that_promises_more_than_the_file_holds_is_refused(tmp_path):
    payload = io.BytesIO()
    np.lib.format.write_array_header_1_0(
        payload, {"descr": "<f8", "fortran_order": False, "shape": (10**6, 10**4, 10**3)}
    )
    (tmp_path / "x").mkdir()
    with zipfile.ZipFile(tmp_path / "x" / "0.npz", "w") as archive:
        archive.writestr("data.npy", payload.getvalue())
        archive.writestr("target_ids.npy", payload.getvalue())
    with pytest.raises(InputError, match=r"0\.npz"):
        job.challenge88(tmp_path, tmp_path / "y.csv", echo)


def test_a_sample_that_knows_nothing_is_answered_as_dry_and_named(tmp_path, caplog):
    put(tmp_path, 0, data=rates(np.nan))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        job.challenge88(tmp_path, tmp_path / "y.csv")
    assert "0.npz: nothing known" in caplog.text
    assert {float(row[1]) for row in rows(tmp_path / "y.csv")[1:]} == {0.0}


def test_refuses_no_folder_no_samples_and_nowhere_to_write(tmp_path):
    with pytest.raises(NotFoundError, match="no such folder"):
        job.challenge88(tmp_path / "none", tmp_path / "y.csv")
    with pytest.raises(InputError, match=r"no \.npz files"):
        job.challenge88(tmp_path, tmp_path / "y.csv")
    put(tmp_path / "x", 0)
    with pytest.raises(StoreError, match="cannot be written"):
        job.challenge88(tmp_path, tmp_path / "none" / "y.csv", echo)
