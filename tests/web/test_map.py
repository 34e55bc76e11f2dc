"""The map, in a real browser with software WebGL."""

import re

import pytest

DRAWS = "() => !!document.createElement('canvas').getContext('webgl2')"
TOWN = "/map?lat=51.505&lon=-0.11&zoom=9&layer=pm25"
SLOW_MS = 60_000


@pytest.fixture
def look(visit):
    """Open the map and wait until it is whole."""

    def go(path: str = TOWN, size: tuple[int, int] = (360, 560), **options: object):
        page = visit(path, size, **options)
        page.set_default_timeout(SLOW_MS)
        page.wait_for_selector(".stage")
        if not page.evaluate(DRAWS):
            pytest.skip("this Chromium draws no WebGL")
        page.get_by_test_id("map-when").wait_for()
        idle(page)
        return page

    return go


def idle(page) -> None:
    """Wait until nothing is left to load or draw."""
    page.evaluate(
        """() => new Promise((done) => {
          const { map } = document.querySelector('.maplibregl-map');
          map.once('idle', done);
          map.triggerRepaint();
        })"""
    )


def until(page, condition: str) -> None:
    """Wait for a JavaScript condition; Playwright's own way is a string evaluated, which the page's policy forbids."""
    page.evaluate(
        """() => new Promise((done) => {
          const look = () => (CONDITION ? done() : setTimeout(look, 50));
          look();
        })""".replace("CONDITION", condition)
    )


def tap(page, latitude: float, longitude: float) -> None:
    """Click where a place is drawn."""
    place = page.evaluate(
        """([longitude, latitude]) => {
          const { map } = document.querySelector('.maplibregl-map');
          const { x, y } = map.project([longitude, latitude]);
          const box = map.getCanvas().getBoundingClientRect();
          return [box.x + x, box.y + y];
        }""",
        [longitude, latitude],
    )
    page.mouse.click(*place)


def test_a_tap_tells_the_value_its_origin_and_its_age(look):
    page = look()
    tap(page, 51.52, -0.05)
    page.wait_for_selector("[data-testid=map-kind]")
    assert re.fullmatch(r"\d+(\.\d)? µg/m³", page.get_by_test_id("map-value").inner_text())
    assert page.get_by_test_id("map-kind").inner_text() == "Modelled"
    answer = page.locator(".answer").inner_text()
    assert "Newest measurement" in answer
    assert "likely" in answer
    assert page.locator(".answer a").count() == 2
    page.keyboard.press("Escape")
    assert page.locator(".answer").count() == 0
    # where no field is, unknown is said so, and nothing is called modelled
    tap(page, 51.52, -0.34)
    page.locator(".answer .unknown").wait_for()
    assert "Unknown" in page.get_by_test_id("map-value").inner_text()
    assert page.locator("[data-testid=map-kind]").count() == 0
    # without a pointer: the map takes keys, Enter asks for its middle
    canvas = page.locator("canvas.maplibregl-canvas")
    canvas.press("Enter")
    page.get_by_test_id("map-kind").wait_for()
    canvas.press("ArrowRight")
    page.wait_for_url(lambda url: "lon=" in url and "lon=-0.110" not in url)


def test_nothing_moves_when_a_tap_is_answered(look):
    page = look()
    page.evaluate(
        """() => {
          window.moved = 0;
          new PerformanceObserver((list) => {
            for (const one of list.getEntries()) if (!one.hadRecentInput) window.moved += one.value;
          }).observe({ type: 'layout-shift', buffered: true });
        }"""
    )
    tools = page.context.new_cdp_session(page)
    tools.send("Network.enable")
    slow = {"offline": False, "latency": 700, "downloadThroughput": -1, "uploadThroughput": -1}
    tools.send("Network.emulateNetworkConditions", slow)  # answers come later than an input excuses
    for place in ((51.52, -0.05), (51.505, -0.11)):
        tap(page, *place)
        page.wait_for_selector("[data-testid=map-kind]")
        page.wait_for_timeout(300)
    assert page.evaluate("window.moved") < 0.005, "a line of the legend at most, when its numbers come"


def test_layer_palette_and_hour_change_the_tiles_and_the_address(look):
    page = look()
    page.get_by_label("Layer").select_option("no2")
    page.wait_for_url("**layer=no2**")
    page.get_by_role("button", name=re.compile("^Colours")).click()
    slider = page.get_by_role("slider", name="Time on the map")
    assert (slider.get_attribute("min"), slider.get_attribute("max")) == ("-24", "96")
    slider.press("PageUp")
    page.wait_for_url("**lead=6**")
    until(page, "performance.getEntriesByType('resource').some((one) => /no2.*palette=safe/.test(one.name))")
    assert page.get_by_label("Layer").locator("option[value=rain_rate]").count() == 1
    page.get_by_role("button", name="Play").click()
    until(page, "document.querySelector('.times input').value >= 8")
    page.get_by_role("button", name="Pause").click()
    page.get_by_role("button", name="Back to now").click()
    assert slider.get_attribute("aria-valuetext").endswith("Now")


def test_where_the_api_is_down_the_last_stations_have_their_age(look):
    page = look()
    until(page, "localStorage.getItem('brise.map')")
    page.evaluate(
        """() => {
          const last = JSON.parse(localStorage.getItem('brise.map'));
          last.received -= 3 * 3_600_000;
          localStorage.setItem('brise.map', JSON.stringify(last));
        }"""
    )
    page.route("**/v1/**", lambda route: route.abort())
    page.reload()
    page.get_by_text("The server does not answer. These values came 3 hours ago.").wait_for()
    drawn = "document.querySelector('.maplibregl-map').map.queryRenderedFeatures({layers: ['stations']}).length"
    until(page, f"{drawn} === 1")
    assert page.get_by_role("slider", name="Time on the map").is_disabled(), "old values have no hours to go through"
    assert "3 hours ago" in page.locator(".times").inner_text()
    assert page.get_by_role("region", name="What the colours mean").is_visible()
