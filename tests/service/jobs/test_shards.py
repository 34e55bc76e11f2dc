"""Training sets: built once, gone on with after a kill, the same with Dask's workers as without."""

import warnings

import numpy as np
import pytest

from brise.conventions.errors import ConfigurationError, InputError
from brise.io.shards import Reading, ShardReader, check_shards
from brise.models.grid_samples import Week
from brise.service.jobs import shards as module
from brise.service.jobs.shards import Workforce, build_shards, build_weeks

PARTS = {f"p{i}": {"first": 10 * i} for i in range(4)}
MADE = []


def make(part):
    MADE.append(part["first"])
    if part["first"] == -1:
        raise InputError("no such part")
    return {"x": np.arange(part["first"], part["first"] + 10, dtype=np.float32)}


@pytest.fixture(autouse=True)
def forget():
    MADE.clear()


def read(folder):
    with ShardReader(folder, Reading(40, shuffle=False)) as reader:
        return reader.batch(0)["x"].tolist()


def test_a_set_is_built_and_what_is_finished_is_not_built_again(tmp_path):
    seen = []
    build_shards(tmp_path, PARTS, make, {"licence": "CC0"}, Workforce(), lambda *counts: seen.append(counts))
    assert read(tmp_path) == list(range(40))
    assert seen == [(n, 4) for n in (1, 2, 3, 4)]
    build_shards(tmp_path, PARTS | {"p2": {"first": 70}}, make, {}, Workforce())
    assert MADE == [0, 10, 20, 30, 70]  # only what is made from something else
    assert read(tmp_path)[20:30] == list(range(70, 80))


def test_a_build_that_was_killed_goes_on(tmp_path):
    with pytest.raises(InputError, match="no such part"):
        build_shards(tmp_path, PARTS | {"p2": {"first": -1}}, make, {}, Workforce())
    assert not (tmp_path / "index.json").exists()
    (tmp_path / "p1.json").unlink()  # as if killed within the second
    build_shards(tmp_path, PARTS, make, {}, Workforce())
    assert MADE == [0, 10, -1, 10, 20, 30]
    assert check_shards(tmp_path) == 4


def test_dask_builds_the_same(tmp_path):
    distributed = pytest.importorskip("distributed")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # Dask's own: slow starts, sockets that its threads close late
        with distributed.LocalCluster(
            n_workers=1, threads_per_worker=2, processes=False, dashboard_address=None
        ) as cluster:
            build_shards(tmp_path / "dask", PARTS, make, {}, Workforce(scheduler=cluster.scheduler_address))
    build_shards(tmp_path / "plain", PARTS, make, {}, Workforce())
    for name in ("p0.arrow", "p3.json", "index.json"):
        assert (tmp_path / "dask" / name).read_bytes() == (tmp_path / "plain" / name).read_bytes()


def test_without_dask_workers_are_refused(tmp_path, monkeypatch):
    def absent(name):
        raise ImportError(name)

    monkeypatch.setattr(module, "import_module", absent)
    with pytest.raises(ConfigurationError, match="needs Dask"):
        build_shards(tmp_path, PARTS, make, {}, Workforce(workers=2))
    with pytest.raises(InputError, match="0 parts, 0 workers"):
        build_shards(tmp_path, {}, make, {}, Workforce())


def test_weeks_become_samples(tmp_path):
    weeks = (Week("paris", 1, 2700, (5, 5), past=2, ahead=1, every=80),)
    assert build_weeks(tmp_path, weeks, Workforce()) == 3
    with ShardReader(tmp_path, Reading(2)) as reader:
        assert reader.batch(0)["truth"].shape == (2, 2, 3, 32, 32)
        assert reader.about["licence"] == "CC0"
