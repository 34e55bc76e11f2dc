"""The first screen, in a real browser."""

import json
import re

import pytest

HERE = "/?at=51.5085,-0.1257&name=London&country=GB&zone=Europe/London"
LONELY = "/?at=0,-30"


def text(page, name: str) -> str:
    return page.get_by_test_id(name).inner_text()


def number(page) -> int:
    return int(text(page, "number"))


def test_the_first_screen_tells_value_word_origin_and_age(visit):
    page = visit("/")
    page.get_by_test_id("number").wait_for()
    assert page.locator("h1").inner_text() == "London"
    assert number(page) > 0
    assert text(page, "word") in {"Good", "Moderate", "Unhealthy for sensitive people"}
    assert text(page, "kind").upper() == "MODELLED"
    assert re.fullmatch(r"Newest measurement (this minute|\d+ (minutes|minute) ago)", text(page, "age"))
    assert "at=51.5" in page.url


def test_a_first_visit_asks_nothing_before_it_shows(visit):
    page = visit("/")
    page.get_by_test_id("number").wait_for()
    asked = page.evaluate("performance.getEntriesByType('resource').map(one => new URL(one.name).pathname)")
    assert not [path for path in asked if path.startswith("/v1/air-quality")]


@pytest.mark.parametrize(
    ("code", "now", "origin", "side"),
    [
        ("en-GB", "Now", "Modelled", "ltr"),
        ("fr", "Maintenant", "Modélisé", "ltr"),
        ("ar", "الآن", "محسوب بالنموذج", "rtl"),
    ],
)
def test_the_server_draws_the_first_screen_without_a_script(visit, code, now, origin, side):
    page = visit(HERE, java_script_enabled=False, locale=code)
    assert page.locator("h1").inner_text() == "London"
    assert number(page) > 0
    assert text(page, "kind") == origin
    assert page.locator("nav a[aria-current]").inner_text() == now
    assert page.locator("html").get_attribute("dir") == side
    assert page.locator("svg.curve path.line").get_attribute("d").count("L") > 90
    assert page.get_by_test_id("word").evaluate("one => getComputedStyle(one).backgroundColor") != "rgba(0, 0, 0, 0)"


def test_the_app_says_what_the_server_drew(visit):
    drawn, page = visit(HERE + "&scale=uk_daqi", java_script_enabled=False), visit(HERE + "&scale=uk_daqi")
    page.get_by_role("slider", name="Hour").wait_for()
    for name in ("number", "word", "kind"):
        assert text(page, name) == text(drawn, name)
    assert page.locator(".glance").bounding_box() == drawn.locator(".glance").bounding_box()


@pytest.mark.parametrize("script", [True, False])
def test_the_hour_stays_on_one_line_beside_the_scale(visit, script):
    page = visit(HERE + "&scale=european_aqi", size=(320, 640), locale="fr-FR", java_script_enabled=script)
    page.get_by_test_id("word").wait_for()
    height = page.locator(".when > span").evaluate("span => span.getBoundingClientRect().height")
    assert height < 26


def test_the_server_draws_unknown_as_unknown(visit):
    page = visit(LONELY, java_script_enabled=False)
    assert text(page, "word") == "Unknown"
    assert page.get_by_text("No station is near enough to say.").is_visible()
    assert page.get_by_test_id("number").count() == 0


def test_what_is_kept_for_offline_holds_no_value(visit, server):
    page = visit(HERE, workers="allow")
    page.evaluate("navigator.serviceWorker.ready.then(() => true)")
    kept = page.evaluate("caches.match('/index.html').then((one) => one.text())")
    assert "<!--screen-->" in kept
    assert 'id="first"' not in kept
    assert page.request.get(server + "/").headers["cache-control"] == "no-store"


def test_a_reader_comes_back_to_the_last_place(visit):
    page = visit("/?at=51.48,-0.2&name=Fulham&country=GB&zone=Europe/London")
    page.get_by_role("slider", name="Hour").wait_for()
    page.goto(page.url.split("?")[0])
    page.locator("h1", has_text="Fulham").wait_for()


def test_the_curve_is_dragged_and_moved_by_keys(visit):
    page = visit(HERE)
    curve = page.get_by_role("slider", name="Hour")
    curve.wait_for()
    assert curve.get_attribute("aria-valuenow") == "0"
    box = curve.bounding_box()
    page.mouse.move(box["x"] + 10, box["y"] + 60)
    page.mouse.down()
    page.mouse.move(box["x"] + box["width"] * 0.75, box["y"] + 60, steps=3)
    page.mouse.up()
    assert int(curve.get_attribute("aria-valuenow")) == 66
    assert text(page, "kind") == "Forecast"
    curve.press("End")
    assert curve.get_attribute("aria-valuenow") == "96"
    curve.press("ArrowLeft")
    curve.press("PageDown")
    assert curve.get_attribute("aria-valuenow") == "89"
    curve.press("Home")
    assert text(page, "kind") == "Analysis"
    page.wait_for_url("**hour=-24**")
    assert re.search(r"lowest \d+ \w+ .+, highest \d+ \w+", page.locator("figcaption").inner_text())
    curve.press("Escape")
    assert curve.get_attribute("aria-valuenow") == "0"


def test_the_curve_shows_a_pollutant_with_its_band(visit):
    page = visit(HERE)
    page.get_by_role("radio", name="NO₂").check(force=True)
    assert "µg/m³" in page.get_by_role("slider").get_attribute("aria-valuetext")
    assert page.locator("path.range").get_attribute("d").startswith("M")
    page.wait_for_url("**show=no2**")


def test_the_curve_of_an_index_has_its_bounds(visit):
    page = visit(HERE)
    page.get_by_role("slider", name="Hour").wait_for()
    assert page.locator("path.likely").get_attribute("d").startswith("M")
    assert page.get_by_text("Shaded: the index at low and at high likely values").is_visible()


def test_rain_that_comes_is_told_in_words_and_drawn(visit):
    page = visit(HERE)
    card = page.locator("section", has_text="Rain in the next two hours")
    card.wait_for()
    assert re.search(r"Rain from \d\d:\d\d to \d\d:\d\d \(moderate, \d+\s?%\)", card.inner_text())
    assert "Simulated" in card.inner_text()
    assert card.locator(".bars i").count() >= 20
    assert visit("/?at=51.58,-0.28").get_by_text("Rain in the next two hours").count() == 0


def test_the_weather_of_the_next_hours(visit):
    page = visit(HERE)
    card = page.locator("section", has=page.get_by_role("heading", name="Weather"))
    card.wait_for()
    told = card.inner_text()
    assert "8°C" in told
    assert "18 km/h" in told
    assert "71%" in told
    assert "Open-Meteo.com" in told
    assert card.locator("li").count() == 12
    assert card.locator("li", has_text="1.2").count() == 1


def test_scale_and_sensitivity_change_what_is_said(visit):
    page = visit(HERE)
    page.get_by_test_id("number").wait_for()
    page.get_by_label("Scale").select_option("european_aqi")
    assert page.get_by_test_id("number").count() == 0, "the European index has no number"
    assert text(page, "word") in {"Good", "Fair", "Moderate", "Poor"}
    page.wait_for_url("**scale=european_aqi**")
    page.reload()
    page.get_by_test_id("word").wait_for()
    assert page.get_by_label("Scale").input_value() == "european_aqi"
    levels = {}
    for one in ("low", "usual", "high"):
        page.get_by_label("My sensitivity").select_option(one)
        levels[one] = page.locator("[data-level]").evaluate_all("all => all.map(one => one.dataset.level)")
    rank = {"go": 0, "care": 1, "no": 2}
    for easier, harder in (("low", "usual"), ("usual", "high")):
        assert all(rank[a] <= rank[b] for a, b in zip(levels[easier], levels[harder], strict=True))


def test_the_palette_for_all_eyes_changes_the_colour(visit):
    page = visit("/settings")
    page.get_by_label("Colours").select_option("safe")
    page.get_by_role("link", name="Now").click()
    word = page.get_by_test_id("word")
    safe = word.evaluate("one => getComputedStyle(one).backgroundColor")
    page.get_by_role("link", name="Settings").click()
    page.get_by_label("Colours").select_option("standard")
    page.get_by_role("link", name="Now").click()
    assert word.evaluate("one => getComputedStyle(one).backgroundColor") != safe


def test_themes_follow_the_device_until_one_is_chosen(visit):
    page = visit("/settings", color_scheme="dark")
    page.get_by_label("Appearance").wait_for()
    ground = "() => getComputedStyle(document.documentElement).backgroundColor"
    dark = page.evaluate(ground)
    page.get_by_label("Appearance").select_option("light")
    assert page.evaluate(ground) != dark


@pytest.mark.parametrize(("code", "word"), [("fr", "Réglages"), ("ar", "الإعدادات")])
def test_languages_are_chosen_and_arabic_runs_from_right_to_left(visit, code, word):
    page = visit("/settings")
    page.get_by_label("Language").select_option(code)
    page.get_by_role("heading", name=word).wait_for()
    assert page.evaluate("document.documentElement.dir") == ("rtl" if code == "ar" else "ltr")
    page.goto(page.url.split("/settings")[0] + HERE)
    page.get_by_test_id("number").wait_for()
    assert page.evaluate("document.documentElement.lang") == code
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")


def test_the_language_of_the_device_is_spoken(visit):
    page = visit(HERE, locale="de-DE")
    page.get_by_test_id("word").wait_for()
    assert page.get_by_role("link", name="Jetzt").is_visible()


def test_a_city_is_searched_and_saved(visit):
    page = visit(HERE)
    page.get_by_role("button", name="Search a city").click()
    page.get_by_role("searchbox").fill("croyd")
    page.get_by_role("button", name="Croydon").first.click()
    page.locator("h1", has_text="Croydon").wait_for()
    assert "name=Croydon" in page.url
    page.get_by_role("button", name="Save this place").click()
    page.get_by_role("link", name="Places").click()
    page.get_by_role("link", name="Croydon").wait_for()


def test_the_location_is_used_when_asked_for(visit):
    place = {"latitude": 51.51234, "longitude": -0.12345}
    page = visit(HERE, geolocation=place, permissions=["geolocation"])
    page.get_by_role("button", name="Search a city").click()
    page.get_by_role("button", name="Use my location").click()
    page.wait_for_url("**at=51.512,-0.123**")


def test_unknown_is_grey_and_says_why(visit):
    page = visit(LONELY)
    page.get_by_test_id("word").wait_for()
    assert text(page, "word") == "Unknown"
    assert page.get_by_text("No station is near enough to say.").is_visible()
    assert set(page.locator("[data-level]").evaluate_all("all => all.map(one => one.dataset.level)")) == {"unknown"}
    assert page.get_by_test_id("number").count() == 0


def test_where_the_api_is_down_kept_values_have_their_age(visit):
    page = visit(HERE)
    page.get_by_test_id("number").wait_for()
    page.route("**/v1/**", lambda route: route.abort())
    kept = json.loads(page.evaluate("localStorage.getItem('brise.last')"))
    for one in kept.values():
        one["received"] -= 3 * 3_600_000
    page.evaluate("text => localStorage.setItem('brise.last', text)", json.dumps(kept))
    page.route(re.compile(r"/\?at="), lambda route: route.fulfill(path=str(_shell()), content_type="text/html"))
    page.reload()
    page.get_by_text("The server does not answer. These values came 3 hours ago.").wait_for()
    assert number(page) > 0
    page.evaluate("localStorage.removeItem('brise.last')")
    page.reload()
    page.get_by_text("The server does not answer, and nothing is kept for this place.").wait_for()


def _shell():
    from brise.service.api import web

    return web.DIST / "index.html"


def test_values_grow_stale_before_the_readers_eyes(visit):
    page = visit("/settings")
    page.clock.install()
    page.goto(page.url.split("/settings")[0] + HERE)
    page.get_by_test_id("number").wait_for()
    page.route("**/v1/**", lambda route: None)  # never answers
    page.clock.fast_forward(2 * 3600 * 1000)
    page.get_by_text(re.compile(r"Not live: these values came 2 hours ago\.|The server does not answer")).wait_for()


def test_the_app_opens_offline_with_the_last_values(visit):
    page = visit(HERE, workers="allow")
    page.get_by_test_id("number").wait_for()
    before = number(page)
    page.evaluate("navigator.serviceWorker.ready.then(() => true)")
    page.context.set_offline(True)
    page.reload()
    page.get_by_text(re.compile("You are offline. These values came")).wait_for()
    assert number(page) == before


@pytest.mark.parametrize("width", [320, 390, 768, 1280, 1920])
def test_nothing_is_cut_off_at_any_width(visit, width):
    page = visit(HERE, size=(width, 800))
    page.get_by_test_id("number").wait_for()
    assert page.evaluate("document.documentElement.scrollWidth") <= width
