"""Job runs, source status and leases, the same on SQLite and PostgreSQL."""

import multiprocessing
import os
import sys
import time
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import text

from brise.conventions.errors import StoreError
from brise.io.database import writing
from brise.io.runs import JobRun, SourceStatus

MIDNIGHT = datetime(2023, 2, 1, tzinfo=UTC)
HOUR = timedelta(hours=1)


class TestRuns:
    def test_job_runs(self, tables):
        first = JobRun("air_quality", MIDNIGHT, "running", MIDNIGHT + HOUR)
        done = JobRun("air_quality", MIDNIGHT, "done", MIDNIGHT, MIDNIGHT + HOUR, "fine", {"stations": 3})
        other = JobRun("verify", MIDNIGHT + HOUR, "failed", MIDNIGHT + HOUR, message="no data")
        for run in (first, done, other):
            tables.runs.record_run(run)
        assert tables.runs.read_runs() == [other, done]
        assert tables.runs.read_runs("air_quality", MIDNIGHT) == [done]
        assert tables.runs.read_runs("air_quality", MIDNIGHT + HOUR) == []

    def test_source_status_keeps_the_last_success(self, tables):
        good = SourceStatus(
            "openaq", MIDNIGHT, MIDNIGHT, MIDNIGHT - HOUR, counts={"read": 5, "rejected": {"sentinel": 1}}
        )
        tables.runs.record_source(good)
        tables.runs.record_source(SourceStatus("openaq", MIDNIGHT + HOUR, last_error="HTTP 500"))
        tables.runs.record_source(SourceStatus("airnow", MIDNIGHT, last_error="no key"))
        assert tables.runs.read_sources() == [
            SourceStatus("airnow", MIDNIGHT, last_error="no key"),
            SourceStatus("openaq", MIDNIGHT + HOUR, MIDNIGHT, MIDNIGHT - HOUR, "HTTP 500", good.counts),
        ]
        tables.runs.record_source(SourceStatus("openaq", MIDNIGHT + 2 * HOUR, MIDNIGHT + 2 * HOUR, MIDNIGHT - 9 * HOUR))
        newest = tables.runs.read_sources()[1]
        assert (newest.last_error, newest.last_data_time) == ("", MIDNIGHT - HOUR)

    def test_a_lease_excludes_others_until_it_ends(self, tables):
        with (
            tables.lease("cycle", HOUR) as mine,
            tables.lease("cycle", HOUR) as second,
            tables.lease("x", HOUR) as other,
        ):
            assert (mine, second, other) == (True, False, True)
        with tables.lease("cycle", HOUR) as again:
            assert again

    def test_a_lease_ends_with_an_error_inside(self, tables):
        with pytest.raises(KeyError), tables.lease("cycle", HOUR):
            raise KeyError("work failed")
        with tables.lease("cycle", HOUR) as again:
            assert again

    def test_an_expired_lease_is_taken_over_and_stays_taken(self, tables):
        with tables.lease("cycle", timedelta(0)) as first:
            time.sleep(0.01)
            with tables.lease("cycle", HOUR) as second:
                assert (first, second) == (True, True)
            with tables.lease("cycle", HOUR) as third:
                assert third

    def test_a_lease_that_could_not_be_given_back_is_free(self, tables, monkeypatch, caplog):
        def gone(*_arguments):
            raise StoreError("store gone")

        with monkeypatch.context() as patch:
            with tables.lease("cycle", HOUR) as mine:
                patch.setattr("brise.io.runs.writing", gone)
            assert mine
        assert "lease cycle: not given back: store gone" in caplog.text
        with tables.lease("cycle", HOUR) as again:
            assert again

    @pytest.mark.parametrize(
        ("owner", "free"),
        [("here/{gone}/x/y", True), ("here/{own}/x/y", True), ("here/1/x/y", False), ("far/9/x/y", False)],
    )
    def test_the_lease_of_a_dead_process_is_free(self, tables, monkeypatch, owner, free):
        child = multiprocessing.get_context("spawn").Process(target=sys.exit)
        child.start()
        child.join()
        monkeypatch.setattr("socket.gethostname", lambda: "here")
        row = {"owner": owner.format(gone=child.pid, own=os.getpid()), "expires": time.time() + 60}
        with writing(tables._engine) as connection:
            connection.execute(text("INSERT INTO leases VALUES ('cycle', :owner, :expires)"), row)
        with tables.lease("cycle", HOUR) as mine:
            assert mine is free
