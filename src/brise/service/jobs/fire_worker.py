"""Workers that run fire simulations from the queue; killed at any moment, another takes the job again."""

import logging
import os
import shutil
import signal
import socket
import threading
import time
import uuid
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

from brise.conventions.errors import BriseError, StoreError
from brise.io.fire_jobs import FireJobs, Job
from brise.service.jobs.processes import kept_running
from brise.service.settings import Settings

log = logging.getLogger("brise.fire")

FOLDER = "fire"
"""DATA/fire/ID holds a simulation's results."""

POLL_S = 1.0
RENEW_S = 2.0
"""How often a running job says how far it is, holds its lease, and learns that it was cancelled."""

DEAF_S = 60.0
"""A run that does not end so long after it was cancelled is ended with its process; another is started."""

SWEEP_S = 600.0
NICE = 10
"""Workers leave the processor to the API and the cycle where they want it."""


class StoppedError(BriseError):
    """The job is no longer ours, or the worker is to stop: what it makes is not wanted."""


@dataclass(slots=True)
class Teller:
    """How far a job is, told to the queue from a thread of its own while the run goes on.

    Attributes:
        jobs: The queue.
        job_id: Whose.
        owner: Under which it runs.
        stage: In words.
        share: 0 to 1.
        lost: Set when the job is no longer ours.
        stop: Set when the worker is to stop.
    """

    jobs: FireJobs
    job_id: str
    owner: str
    stop: threading.Event
    stage: str = "starts"
    share: float = 0.0
    lost: threading.Event = field(default_factory=threading.Event)
    ended: threading.Event = field(default_factory=threading.Event)

    def tell(self, stage: str, share: float) -> None:
        """Say how far it is.

        Raises:
            StoppedError: It need not go on.
        """
        self.stage, self.share = stage, max(self.share, min(share, 1.0))
        if self.lost.is_set() or self.stop.is_set():
            raise StoppedError(f"fire simulation {self.job_id[:6]}…: stopped at {self.share:.0%}")

    def renew(self) -> None:
        """Hold the job until the run ends; a run that does not hear that it was cancelled ends with the process."""
        deaf_since = None
        while not self.ended.wait(RENEW_S):
            if deaf_since is not None and time.monotonic() - deaf_since > DEAF_S:
                log.error("fire simulation %s…: does not stop; ending its worker", self.job_id[:6])
                os._exit(3)
            if self.lost.is_set():
                continue
            try:
                if not self.jobs.renew(self.job_id, self.owner, self.stage, self.share):
                    self.lost.set()
                    deaf_since = time.monotonic()
            except StoreError as error:  # the lease may end meanwhile: then another takes the job, and this one is lost
                log.warning("fire simulation %s…: %s", self.job_id[:6], error)


def folder_of(data_dir: Path, job_id: str) -> Path:
    """Where a simulation's results are."""
    return data_dir / FOLDER / job_id


def forget(data_dir: Path, job_id: str) -> None:
    """Delete a simulation's results."""
    shutil.rmtree(folder_of(data_dir, job_id), ignore_errors=True)


def work(settings: Settings, stop: threading.Event) -> None:
    """Run jobs until `stop`; a store that is gone is waited for."""
    os.nice(NICE)
    owner = f"{socket.gethostname()}/{os.getpid()}/{uuid.uuid4().hex}"
    jobs: FireJobs | None = None
    swept = 0.0
    while not stop.is_set():
        try:
            jobs = jobs or FireJobs.open(settings.resolved_database_url())
            if time.monotonic() - swept > SWEEP_S:
                sweep(settings.data_dir, jobs)
                swept = time.monotonic()
            job = jobs.take(owner) if jobs.waits() else None
            if job is not None:
                run(settings, jobs, job, (owner, stop))
                continue
        except StoreError as error:
            log.error("%s; trying again", error)  # noqa: TRY400  # the line says it all
        stop.wait(POLL_S)
    if jobs is not None:
        jobs.close()


def sweep(data_dir: Path, jobs: FireJobs) -> int:
    """Delete expired jobs, and results that no job owns any more; how many went."""
    gone = jobs.forget_expired()
    root = data_dir / FOLDER
    old = time.time() - 2 * SWEEP_S  # what is younger may belong to a job that is being written
    known = jobs.known()
    strays = [path.name for path in root.iterdir() if path.stat().st_mtime < old] if root.is_dir() else []
    for name in {*gone, *(name for name in strays if name.lstrip(".").split(".")[0] not in known)}:
        shutil.rmtree(root / name, ignore_errors=True)
    return len(gone)


def run(settings: Settings, jobs: FireJobs, job: Job, held: tuple[str, threading.Event]) -> None:
    """Run one job that was taken, and write down how it ended."""
    owner, stop = held
    began = time.monotonic()
    message: str | None = None
    try:
        with _told(Teller(jobs, job.id, owner, stop)) as teller:
            from brise.service.jobs.fire_simulation import simulate_job  # the engine loads with the first job

            simulate_job(job.request["asked"], settings, folder_of(settings.data_dir, job.id), teller.tell)
    except StoppedError as error:
        log.info("%s", error)
        if stop.is_set():
            jobs.give_back(job.id, owner)
        else:
            forget(settings.data_dir, job.id)
        return
    except BriseError as error:
        message = str(error)
    except MemoryError:
        message = "the worker has not enough memory for it"
    except Exception as error:  # the job's edge: whatever one request breaks, the next ones go on
        log.exception("fire simulation %s…: not understood", job.id[:6])
        message = f"the simulation failed: {type(error).__name__}"
    if not jobs.finish(job.id, owner, message):
        forget(settings.data_dir, job.id)
        return
    log.info("fire simulation %s…: %s in %.1f s", job.id[:6], message or "done", time.monotonic() - began)


@contextmanager
def _told(teller: Teller) -> Iterator[Teller]:
    thread = threading.Thread(target=teller.renew, name="fire-teller", daemon=True)
    thread.start()
    try:
        yield teller
    finally:
        teller.ended.set()
        thread.join()


def run_workers(settings: Settings, workers: int) -> None:
    """Keep workers running until Ctrl-C or SIGTERM."""
    stop = threading.Event()
    signal.signal(signal.SIGTERM, lambda *_: stop.set())
    log.info("%d fire workers; data in %s", workers, settings.data_dir)
    with pool(settings, workers), suppress(KeyboardInterrupt):
        stop.wait()


@contextmanager
def pool(settings: Settings, workers: int) -> Iterator[None]:
    """Keep so many workers running while the block lasts."""
    with ExitStack() as stack:
        for number in range(workers):
            stack.enter_context(kept_running(f"fire worker {number + 1}", work, settings))
        yield
