"""A small town's published air, the API that serves it with the app, and a browser that looks at it."""

import os
import shutil
import socket
import threading
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import uvicorn
from tests.web import town

from brise.service.api import web
from brise.service.api.app import create_app
from brise.service.settings import Settings

FLAGS = (
    "--no-sandbox",
    "--disable-background-networking",
    "--disable-sync",
    "--disable-component-update",
    "--enable-unsafe-swiftshader",
)


@pytest.fixture(scope="session")
def built() -> dict[str, web.Built]:
    """The app's files."""
    build = web.read_build(web.DIST)
    if not build:
        reason = "the app is not built: `make web` needs node and npm"
        pytest.skip(reason)
    return build


@pytest.fixture(scope="session")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where the town's data lies."""
    return tmp_path_factory.mktemp("town")


@pytest.fixture(scope="session")
def server(built: object, folder: Path) -> Iterator[str]:
    """The address of a server of the town's air and the app."""
    now = datetime.now(UTC).replace(second=0, microsecond=0)
    hour = now.replace(minute=0)
    town.publish(folder, hour)
    town.publish_rain(folder, now - timedelta(minutes=now.minute % 5))
    town.publish_weather(folder, hour)
    town.publish_scores(folder, hour)
    town.publish_fires(folder, now)
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        port = found.getsockname()[1]
    config = uvicorn.Config(create_app(Settings(data_dir=folder)), port=port, log_level="error", ws="none")
    running = uvicorn.Server(config)
    thread = threading.Thread(target=running.run, daemon=True)
    thread.start()
    while not running.started:
        thread.join(0.02)
        assert thread.is_alive(), "the server ended"
    yield f"http://127.0.0.1:{port}"
    running.should_exit = True
    thread.join(10)


@pytest.fixture(scope="module")
def chromium() -> Iterator[object]:
    """A browser for a module's tests: while Playwright runs, no other test of this process can run an event loop."""
    path = os.environ.get("BRISE_CHROMIUM") or next(
        filter(None, map(shutil.which, ("chromium", "google-chrome"))), None
    )
    if path is None:
        pytest.skip("no Chromium here (chromium or google-chrome on the path, or BRISE_CHROMIUM)")
    api = pytest.importorskip("playwright.sync_api")
    with api.sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=list(FLAGS))
        yield browser
        browser.close()


@pytest.fixture
def visit(chromium: object, server: str) -> Iterator[Callable[..., object]]:
    """Open an address in a fresh profile; every error in it, and every request that leaves, fails the test."""
    contexts, faults, own = [], [], (server, "data:", "blob:")

    def go(path: str = "/", size: tuple[int, int] = (390, 844), workers: str = "block", **options: object) -> object:
        context = chromium.new_context(
            viewport={"width": size[0], "height": size[1]},
            service_workers=workers,
            reduced_motion="reduce",
            **{"locale": "en-GB", "timezone_id": "Europe/London"} | options,
        )
        context.set_default_timeout(20_000)
        contexts.append(context)
        page = context.new_page()
        page.on("pageerror", lambda error: faults.append(f"error: {error}"))
        page.on("console", lambda told: faults.append(told.text) if "Security Policy" in told.text else None)
        page.on("request", lambda asked: None if asked.url.startswith(own) else faults.append(asked.url))
        page.goto(server + path, wait_until="commit")
        return page

    yield go
    for context in contexts:
        context.close()
    assert not faults
