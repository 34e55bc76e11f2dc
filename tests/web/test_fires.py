"""Fires: near a place, on the map, and as somebody simulates one."""

import re
import threading
from types import SimpleNamespace

import pytest
from tests.web.test_map import DRAWS, SLOW_MS, TOWN, idle, tap, until
from tests.web.test_pages import AXE, violations
from tests.web.town import FIRE

from brise.formulas.fire import demonstration
from brise.io.fire_jobs import FireJobs
from brise.service.jobs import fire_worker

pytestmark = pytest.mark.filterwarnings("ignore:Use `@` matmul:PendingDeprecationWarning")  # rasterio's own
HERE = "/?at=51.5085,-0.1257&name=London&country=GB&zone=Europe/London"
PLAN = demonstration.Plan(
    demonstration.FireGrid(demonstration.utm(35, south=True), 622_000.0, 7_073_500.0, 90.0, 130, 160)
)


@pytest.fixture(scope="module", autouse=True)
def _small_landscape():
    """A demonstration of large cells, so that a fire takes a moment."""
    made = demonstration.landscape(PLAN)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(demonstration, "site", lambda: made)
        yield


@pytest.fixture
def look(visit):
    """Open the map with its fires."""

    def go(path: str = TOWN, **options: object):
        page = visit(path, (360, 640), **options)
        page.set_default_timeout(SLOW_MS)
        page.wait_for_selector(".stage")
        if not page.evaluate(DRAWS):
            pytest.skip("this Chromium draws no WebGL")
        until(page, "document.querySelector('.maplibregl-map')?.map?.getLayer('fire-spots')")
        idle(page)
        return page

    return go


def work_off(folder) -> None:
    """Run what waits, as a worker does."""
    settings = SimpleNamespace(
        data_dir=folder,
        fire_threads=1,
        dask_scheduler=None,
        resolved_database_url=lambda: f"sqlite:///{folder / 'brise.sqlite'}",
    )
    jobs = FireJobs.open(settings.resolved_database_url())
    while (job := jobs.take("here")) is not None:
        fire_worker.run(settings, jobs, job, ("here", threading.Event()))
    jobs.close()


def test_a_fire_near_the_place_has_distance_direction_age_and_source(visit):
    page = visit(HERE)
    card = page.get_by_role("region", name="Fires near here")
    card.wait_for()
    assert page.get_by_test_id("fire-where").inner_text() == "14 km to the north-east"
    told = card.inner_text()
    for part in ("Hotspot", "42.5 MW", "Seen by satellite", "As of 2 hours ago", "NASA FIRMS", "1 more within 100 km"):
        assert part in told
    assert "/map?" in card.get_by_role("link").get_attribute("href")


def test_where_no_fire_is_near_nothing_is_said(visit):
    page = visit("/?at=40.4,-3.7&name=Madrid&country=ES&zone=Europe/Madrid", locale="es")
    with page.expect_response("**/v1/fires?**"):
        page.get_by_test_id("word").wait_for()
    page.wait_for_timeout(200)
    assert page.locator(".fires").count() == 0


def test_a_hotspot_on_the_map_tells_who_saw_it_and_can_be_hidden(look):
    page = look()
    count = "document.querySelector('.maplibregl-map').map.queryRenderedFeatures({layers: ['fire-spots']}).length"
    until(page, f"{count} === 1")
    tap(page, *FIRE)
    answer = page.get_by_test_id("fire-answer")
    answer.wait_for()
    told = answer.inner_text()
    for part in ("Hotspot", "42.5 MW of heat", "Confidence: usual", "Seen by satellite", "pixel of 390 m", "N20 VIIRS"):
        assert part in told
    page.keyboard.press("Escape")
    assert answer.count() == 0
    page.get_by_role("button", name="Active fires").click()
    page.get_by_role("checkbox", name="Show on the map").uncheck()
    page.wait_for_url("**fires=off**")
    until(page, f"{count} === 0")


def test_an_ignition_is_drawn_simulated_and_shown_hour_by_hour(look, folder, server):
    page = look(TOWN + "&lang=en")
    page.get_by_role("button", name="Active fires").click()
    page.get_by_role("button", name="Simulate a fire").click()
    send = page.get_by_role("button", name="Simulate", exact=True)
    page.get_by_text("Tap the map where it starts.").wait_for()
    page.get_by_label("Landscape").locator("option").first.wait_for(state="attached")
    assert send.is_disabled()
    page.get_by_label("Hours").fill("2")
    page.get_by_label("Courses").select_option("0")
    until(page, "document.querySelector('.maplibregl-map').map.getZoom() > 9.5")
    tap(page, -26.50, 28.28)
    page.get_by_text("It starts at").wait_for()
    send.click()
    page.get_by_text(re.compile("Waiting|Computing")).wait_for()
    assert re.search(r"fire=[\w-]+", page.url)
    work_off(folder)
    page.get_by_label("What is shown").wait_for()
    assert page.get_by_test_id("fire-kind").inner_text() == "Simulated"
    slider = page.get_by_role("slider", name="Time on the map")
    assert (slider.get_attribute("min"), slider.get_attribute("max")) == ("1", "2")
    assert "2 hr after the start" in slider.get_attribute("aria-valuetext")
    page.get_by_label("What is shown").select_option("smoke")
    slider.press("ArrowLeft")
    until(page, "performance.getEntriesByType('resource').some((one) => /tiles.smoke.*hour=1/.test(one.name))")
    assert "experimental" in page.locator(".sim").inner_text().lower()
    idle(page)
    tap(page, -26.50, 28.28)
    page.get_by_text("Here, fire comes between").wait_for()
    if AXE.is_file():
        assert not violations(page)
    # whoever has the link sees it, and cannot end it
    key = re.search(r"fire=([\w-]+)", page.url)[1]
    shared = look(f"/map?fire={key}")
    shared.get_by_label("What is shown").wait_for()
    reply = shared.request.delete(f"{server}/v1/fire-simulations/{key}")
    assert reply.status == 403
    shared.get_by_role("button", name="Leave the simulation").click()
    shared.get_by_test_id("map-when").wait_for()


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_axe_finds_no_violation_in_what_tells_of_fires(look, theme):
    if not AXE.is_file():
        pytest.skip("no axe-core: `npm ci` in web/")
    page = look(color_scheme=theme)
    tap(page, *FIRE)
    page.get_by_test_id("fire-answer").wait_for()
    assert not violations(page)
    page.get_by_role("button", name="Active fires").click()
    page.get_by_role("button", name="Simulate a fire").wait_for()
    assert not violations(page)
    page.get_by_role("button", name="Simulate a fire").click()
    page.get_by_label("Landscape").locator("option").first.wait_for(state="attached")
    assert not violations(page)


def test_a_simulation_that_is_gone_says_so(look):
    page = look("/map?fire=nothing")
    page.get_by_text("This simulation is not there, or not any more.").wait_for()
