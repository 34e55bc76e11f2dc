"""An ensemble on a cluster is the ensemble in threads, to the bit."""

from datetime import UTC, datetime

import numpy as np
import pytest

from brise.conventions.errors import StoreError
from brise.formulas.fire import demonstration
from brise.products.fire_ensemble import ensemble
from brise.service.jobs.fire_cluster import on_cluster
from brise.service.jobs.fire_request import build
from brise.service.jobs.fires import demonstration_fire


@pytest.fixture(scope="module")
def asked():
    grid = demonstration.FireGrid(demonstration.utm(35, south=True), 622_000.0, 7_073_500.0, 120.0, 105, 125)
    made = demonstration.landscape(demonstration.Plan(grid))
    body = demonstration_fire(datetime(2026, 11, 23, 9, tzinfo=UTC)) | {"members": 20, "hours": 2.0}
    found = build(body, made)
    return made, found.weather, found.starts, found.options


def test_a_cluster_gives_what_threads_give(asked):
    distributed = pytest.importorskip("distributed")
    alone = ensemble(*asked)
    with distributed.LocalCluster(2, threads_per_worker=1, processes=False, dashboard_address=None) as cluster:
        shared = ensemble(*asked, run=on_cluster(cluster.scheduler_address))
    np.testing.assert_array_equal(shared.probability, alone.probability)
    np.testing.assert_array_equal(shared.arrival, alone.arrival)
    np.testing.assert_array_equal(shared.area_ha, alone.area_ha)


def test_no_scheduler_no_cluster_and_a_deaf_one_is_named(asked, monkeypatch):
    distributed = pytest.importorskip("distributed")
    assert on_cluster(None) is None

    def deaf(*_, **__):
        raise OSError("timed out")

    monkeypatch.setattr(distributed, "Client", deaf)
    with pytest.raises(StoreError, match="tcp://nowhere:1: does not answer"):
        ensemble(*asked, run=on_cluster("tcp://nowhere:1"))
