"""Experiment folders: the same one is gone on with, another one is refused, what is drawn is what was logged."""

import json
import math
import xml.etree.ElementTree as ElementTree

import pytest

from brise.conventions.errors import InputError, NotFoundError, StoreError
from brise.io.experiments import Experiment, Manifest, curves, data_file


def manifest(tmp_path, text="a,b\n"):
    table = tmp_path / "air.csv"
    table.write_text(text)
    return Manifest((data_file(table, 1, ("2020-01-01", "2020-12-31"), "CC-BY-4.0"),), "0.1.0", 0)


def test_a_folder_says_what_was_trained_on_what(tmp_path):
    Experiment(tmp_path / "x", {"leads": (1, 2)}, manifest(tmp_path))
    assert json.loads((tmp_path / "x" / "config.json").read_text()) == {"leads": [1, 2]}
    data = json.loads((tmp_path / "x" / "manifest.json").read_text())["data"][0]
    assert data["sha256"].startswith("5be08c9684a1d25e")  # printf 'a,b\n' | sha256sum
    assert (data["name"], data["bytes"], data["licence"]) == ("air.csv", 4, "CC-BY-4.0")


def test_the_same_experiment_goes_on_and_another_is_refused(tmp_path):
    first = Experiment(tmp_path / "x", {"size": 8}, manifest(tmp_path))
    assert first.load_checkpoint() is None
    first.save_checkpoint(b"one")
    first.save_checkpoint(b"two")
    again = Experiment(tmp_path / "x", {"size": 8}, manifest(tmp_path))
    assert again.load_checkpoint() == b"two"
    with pytest.raises(InputError, match="size was 8, is 9"):
        Experiment(tmp_path / "x", {"size": 9}, manifest(tmp_path))
    with pytest.raises(InputError, match=r"manifest\.json is of another experiment: data was"):
        Experiment(tmp_path / "x", {"size": 8}, manifest(tmp_path, "other"))


def test_metrics_are_rows_and_steps_taken_twice_count_once(tmp_path):
    run = Experiment(tmp_path / "x", {}, manifest(tmp_path))
    for row in ({"step": 1, "loss": 2.0}, {"step": 2, "loss": math.nan}, {"step": 1, "loss": 3.0}):
        run.log(row)
    run.log({"step": 2, "validation_loss": 1.5})
    with (tmp_path / "x" / "metrics.jsonl").open("a") as file:
        file.write('{"step": 3, "lo')  # a kill while writing
    rows = [{key: value for key, value in row.items() if key != "at"} for row in run.rows()]
    assert rows == [{"step": 1, "loss": 3.0}, {"step": 2, "loss": None}, {"step": 2, "validation_loss": 1.5}]
    run.save_checkpoint(b"x")
    drawn = ElementTree.fromstring((tmp_path / "x" / "curves.svg").read_text())
    assert [len(line.get("points").split()) for line in drawn.iter("{http://www.w3.org/2000/svg}polyline")] == [1, 1]


def test_curves_of_nothing_and_of_losses_below_zero():
    assert "nothing logged" in curves([])
    drawn = curves([{"step": 1, "loss": -1.0}, {"step": 2, "loss": -3.0}])
    assert 'points="320.0,48.0 592.0,272.0"' in drawn


def test_results_are_files_by_plain_names(tmp_path):
    run = Experiment(tmp_path / "x", {}, manifest(tmp_path))
    folder = run.save_result({"card.json": b"{}", "model.onnx": b"weights"})
    assert (folder / "model.onnx").read_bytes() == b"weights"
    with pytest.raises(InputError, match=r"'\.\./evil': a plain name expected"):
        run.save_result({"../evil": b""})


def test_what_cannot_be_read_or_written_is_said(tmp_path):
    with pytest.raises(NotFoundError, match="no file"):
        data_file(tmp_path / "absent")
    (tmp_path / "file").write_text("")
    with pytest.raises(StoreError, match="cannot write experiment"):
        Experiment(tmp_path / "file" / "x", {}, manifest(tmp_path))
    run = Experiment(tmp_path / "x", {}, manifest(tmp_path))
    (tmp_path / "x" / "metrics.jsonl").mkdir()
    with pytest.raises(StoreError, match="cannot write to experiment"):
        run.log({"step": 1})
    (tmp_path / "x" / "checkpoint").mkdir()
    with pytest.raises(StoreError, match="cannot write to experiment"):
        run.save_checkpoint(b"")
    (tmp_path / "x" / "result").write_text("")
    with pytest.raises(StoreError, match="cannot write"):
        run.save_result({"card.json": b""})
