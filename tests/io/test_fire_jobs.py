"""The queue of fire simulations, on both databases: one holder at a time, whatever dies."""

import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from brise.conventions.errors import BusyError, NotFoundError
from brise.io import fire_jobs
from brise.io.fire_jobs import FireJobs, Room

ROOM = Room(100, 100)


@pytest.fixture
def jobs(database_url):
    queue = FireJobs.open(database_url)
    yield queue
    queue.close()


def ask(jobs, client="a", room=ROOM, keep_s=3600.0, listed=False, **request):
    return jobs.submit(request, client, room, keep_s, listed)


def test_a_job_lives_from_queue_to_result(jobs):
    job = ask(jobs, hours=3)
    assert (job.state, job.progress, job.request) == ("queued", 0.0, {"hours": 3})
    assert len(job.id) == len(job.share) == 22
    taken = jobs.take("w")
    assert (taken.id, taken.state, taken.attempts) == (job.id, "running", 1)
    assert jobs.take("other") is None
    assert jobs.renew(job.id, "w", "members", 0.5)
    seen = jobs.find(job.share)
    assert (seen.id, seen.stage, seen.progress) == (job.id, "members", 0.5)
    assert jobs.finish(job.id, "w")
    done = jobs.find(job.id)
    assert (done.state, done.progress, done.ended) == ("done", 1.0, True)
    assert done.created <= done.started <= done.finished < done.expires


def test_the_oldest_comes_first_and_those_ahead_are_counted(jobs):
    first, second = ask(jobs), ask(jobs)
    assert (jobs.ahead(first), jobs.ahead(second)) == (0, 1)
    assert [jobs.take("w").id, jobs.take("w").id] == [first.id, second.id]


def test_many_workers_take_each_job_once(jobs):
    wanted = {ask(jobs).id for _ in range(12)}
    with ThreadPoolExecutor(4) as pool:
        found = [job.id for job in pool.map(lambda n: jobs.take(f"w{n}"), range(16)) if job is not None]
    assert sorted(found) == sorted(wanted)


def test_a_killed_workers_job_is_taken_again_and_its_ghost_changes_nothing(jobs, monkeypatch):
    job = ask(jobs)
    monkeypatch.setattr(fire_jobs, "LEASE_S", -1.0)  # as if the lease had just ended
    jobs.take("dead")
    monkeypatch.setattr(fire_jobs, "LEASE_S", 60.0)
    again = jobs.take("alive")
    assert (again.id, again.attempts) == (job.id, 2)
    assert not jobs.renew(job.id, "dead", "ghost", 0.9)
    assert not jobs.finish(job.id, "dead")
    assert jobs.find(job.id).stage == "starts"
    assert jobs.finish(job.id, "alive")


def test_a_job_that_kills_its_workers_is_given_up(jobs, monkeypatch):
    job = ask(jobs)
    monkeypatch.setattr(fire_jobs, "LEASE_S", -1.0)
    for attempt in range(fire_jobs.ATTEMPTS):
        assert jobs.take(f"w{attempt}").attempts == attempt + 1
    assert jobs.take("last") is None
    failed = jobs.find(job.id)
    assert (failed.state, failed.message) == ("failed", "its worker died 3 times while running it")


def test_cancelled_while_it_waits_and_while_it_runs(jobs):
    waits, runs = ask(jobs), ask(jobs)
    assert jobs.cancel(waits.id)
    assert jobs.take("w").id == runs.id
    assert jobs.cancel(runs.id)
    assert not jobs.renew(runs.id, "w", "goes on", 0.2)
    assert not jobs.finish(runs.id, "w")
    assert not jobs.cancel(runs.id)
    assert {jobs.find(one.id).state for one in (waits, runs)} == {"cancelled"}


def test_a_worker_that_stops_gives_its_job_back(jobs):
    job = ask(jobs)
    jobs.take("w")
    jobs.give_back(job.id, "w")
    assert (jobs.find(job.id).state, jobs.find(job.id).attempts) == ("queued", 0)
    assert jobs.take("other").id == job.id


def test_room_a_client_and_in_all(jobs):
    ask(jobs, "a", Room(3, 2)), ask(jobs, "a", Room(3, 2))
    with pytest.raises(BusyError, match="2 of your simulations"):
        ask(jobs, "a", Room(3, 2))
    ask(jobs, "b", Room(3, 2))
    with pytest.raises(BusyError, match="3 simulations wait or run"):
        ask(jobs, "c", Room(3, 2))
    jobs.cancel(jobs.take("w").id)
    ask(jobs, "a", Room(3, 2))


def test_expired_jobs_are_gone(jobs):
    old, new = ask(jobs, keep_s=-1.0), ask(jobs)
    with pytest.raises(NotFoundError, match="or it has expired"):
        jobs.find(old.id)
    assert jobs.forget_expired() == [old.id]
    assert jobs.known() == {new.id}
    jobs.delete(new.id)
    assert jobs.known() == set()
    with pytest.raises(NotFoundError, match="there is none"):
        jobs.find(new.id)


def test_only_listed_jobs_are_listed_newest_first_in_pages(jobs):
    ask(jobs)
    shown = []
    for _ in range(3):
        shown.append(ask(jobs, listed=True))
        time.sleep(0.002)
    page = jobs.listed(2)
    assert [job.id for job in page] == [shown[2].id, shown[1].id]
    assert [job.id for job in jobs.listed(2, page[-1].created)] == [shown[0].id]
    assert jobs.counts() == {"queued": 4, "running": 0, "done": 0, "failed": 0, "cancelled": 0}
