"""Where fire simulations are asked: the queue, the landscapes, the server's limits, and what a resource says."""

import hashlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from threading import BoundedSemaphore, Lock
from typing import Any

from starlette.exceptions import HTTPException
from starlette.requests import Request

from brise.conventions.errors import BusyError, InputError, NotFoundError
from brise.io.fire_jobs import FireJobs, Job, Room
from brise.io.hotspots import Hotspots
from brise.io.tables import Tables
from brise.products.fire_tiles import LAYERS
from brise.service.api.dependencies import ApiSettings, iso
from brise.service.api.errors import ParameterError
from brise.service.jobs import fire_forecast, fire_landscapes, fire_request
from brise.service.jobs.fire_worker import folder_of, forget

ROOT = "/v1/fire-simulations"
CHECKS_AT_ONCE = 2
"""Requests whose landscape is looked at, at once: each may read some hundred megabytes."""

RESULTS = {
    "summary": ("summary", "summary.json"),
    "report": ("summary.html", "report.html"),
    "perimeters": ("perimeters.geojson", "perimeters.geojson"),
    "arrival": ("arrival.tif", "arrival.tif"),
    "burn_probability": ("burn-probability.tif", "burn_probability.tif"),
    "flame_length": ("flame-length.tif", "flame_length.tif"),
    "smoke": ("smoke", "smoke.json"),
    "smoke_source": ("smoke-source.csv", "smoke_source.csv"),
}
"""Link -> last part of its address, and the file behind it."""


class FireDesk:
    """One process's view of the queue; opens nothing before it is asked."""

    def __init__(self, settings: ApiSettings, tables: Callable[[], Tables]) -> None:
        """Keep the settings, and what opens the tables."""
        self.settings = settings
        self._tables = tables
        self.data_dir: Path = settings.data_dir
        self.room = Room(settings.fire_jobs, settings.fire_jobs_per_client)
        self.keep_s = settings.fire_days_kept * 86_400.0
        self._jobs: FireJobs | None = None
        self._hotspots: Hotspots | None = None
        self._opening = Lock()
        self._checks = BoundedSemaphore(CHECKS_AT_ONCE)

    @property
    def jobs(self) -> FireJobs:
        """The queue.

        Raises:
            StoreError: The database cannot serve now.
        """
        with self._opening:
            if self._jobs is None:
                self._jobs = FireJobs.open(self.settings.resolved_database_url())
            return self._jobs

    @property
    def hotspots(self) -> Hotspots:
        """What satellites saw.

        Raises:
            StoreError: The database cannot serve now.
        """
        with self._opening:
            if self._hotspots is None:
                self._hotspots = Hotspots.open(self.settings.resolved_database_url())
            return self._hotspots

    def close(self) -> None:
        """Give connections back."""
        for one in (self._jobs, self._hotspots):
            if one is not None:
                one.close()

    def submit(self, asked: dict[str, Any], client: str) -> Job:
        """Check a request and queue it.

        Raises:
            InputError: Something in it is wrong; the message says what, which value, which limit.
            BusyError: As much waits as may wait.
        """
        self.jobs.check_room(client, self.room)
        with self._checking():
            said, simulated = self._checked(asked)
        request = {"asked": asked, "assumptions": list(said), "simulated": simulated}
        return self.jobs.submit(request, client, self.room, self.keep_s, bool(asked.get("listed")))

    def _checked(self, asked: dict[str, Any]) -> tuple[tuple[str, ...], bool]:
        name = asked["landscape"]
        try:
            header = fire_landscapes.find(self.data_dir, name)
        except NotFoundError as error:
            raise ParameterError("landscape", name, str(error)) from None
        if header.problem:
            raise ParameterError("landscape", name, header.problem)
        try:
            fires = asked["members"] + (fire_request.FITTING if asked.get("observed") else 0)
            fire_request.check_size(header.cells, fires, asked["hours"])
        except InputError as error:
            raise ParameterError("members", asked["members"], str(error)) from None
        if asked["weather"] == "forecast":
            asked["weather"] = fire_forecast.stream_of(self._tables(), header, asked)
        landscape = fire_landscapes.load(self.data_dir, name)
        return fire_request.check(fire_request.build(asked, landscape), landscape), landscape.simulated

    @contextmanager
    def _checking(self) -> Iterator[None]:
        # never waits: a thread that waited here would be one fewer for everybody else's requests
        if not self._checks.acquire(blocking=False):
            raise BusyError(f"{CHECKS_AT_ONCE} other requests are being checked; try again in a few seconds")
        try:
            yield
        finally:
            self._checks.release()

    def end(self, key: str) -> None:
        """Cancel a job that goes on, or delete one that ended with its results.

        Raises:
            NotFoundError: There is none.
        """
        job = self.jobs.find(key)
        if key != job.id:
            raise HTTPException(403, "this id may only read; the one that the simulation was made with may delete")
        if not self.jobs.cancel(job.id):
            self.jobs.delete(job.id)
            forget(self.data_dir, job.id)

    def file(self, key: str, result: str) -> tuple[Job, Path]:
        """A result of a simulation that is done.

        Raises:
            NotFoundError: There is no such simulation or result.
        """
        job = self.jobs.find(key)
        if job.state != "done":
            raise HTTPException(409, f"the simulation is {job.state} ({job.stage}); results are there when it is done")
        path = folder_of(self.data_dir, job.id) / RESULTS[result][1]
        if not path.is_file():
            raise NotFoundError(f"{result}: there is none of this simulation")
        return job, path

    def folder(self, job: Job) -> Path:
        """Where its results are."""
        return folder_of(self.data_dir, job.id)

    def resource(self, job: Job, key: str) -> dict[str, Any]:
        """What a simulation says of itself to one who knows `key`.

        Args:
            job: The simulation.
            key: Its id or its share: links go on with it.
        """
        asked = job.request["asked"]
        there = f"{ROOT}/{key}"
        done = job.state == "done"
        folder = self.folder(job)
        links: dict[str, Any] = {"self": there, "share": f"{ROOT}/{job.share}"}
        for link, (last, name) in RESULTS.items():
            links[link] = f"{there}/{last}" if done and (folder / name).is_file() else None
        shown = [layer for layer in LAYERS if layer != "smoke" or links["smoke"]] if done else []
        links["tiles"] = [f"{there}/tiles/{layer}/{{z}}/{{x}}/{{y}}.png" for layer in shown]
        return {
            "id": key,
            "name": asked.get("name", ""),
            "state": job.state,
            "stage": job.stage,
            "progress": round(job.progress, 4),
            "ahead": self.jobs.ahead(job) if job.state == "queued" else None,
            "message": job.message,
            "simulated": job.request["simulated"],
            "landscape": asked["landscape"],
            "start": asked["start"],
            "hours": asked["hours"],
            "members": asked["members"],
            "assumptions": job.request["assumptions"],
            "created": iso(int(job.created)),
            "started": None if job.started is None else iso(int(job.started)),
            "finished": None if job.finished is None else iso(int(job.finished)),
            "expires": iso(int(job.expires)),
            "links": links,
        }


def desk_of(request: Request) -> FireDesk:
    """The application's desk."""
    desk: FireDesk = request.app.state.fire
    return desk


def client_of(request: Request) -> str:
    """A digest of who asks, for the limits a client; the address itself is not kept."""
    host = request.client.host if request.client else "unknown"
    return hashlib.blake2b(host.encode(), digest_size=12, person=b"brise fire").hexdigest()
