"""The tracker pages in a real browser: an export of a made-up day in, what was breathed out, and everything erased."""

import io
import json
import re
import zipfile
from pathlib import Path

import httpx
import pytest
from tests.web.flow_export import DAY, ROWS, ROWS_A_DAY, flow_export

from brise.conventions.trackers import SampleFlag
from brise.products.exposure_words import ENGLISH
from brise.service.api import web

WEB = Path(__file__).resolve().parents[2] / "web"
AXE = WEB / "node_modules" / "axe-core" / "axe.min.js"
WORDS = sorted((WEB / "src" / "tracker" / "words").glob("*.json"))


@pytest.fixture(scope="module")
def files():
    return [{"name": name, "mimeType": "text/csv", "buffer": body} for name, body in flow_export().items()]


def ask(server: str, method: str, path: str, token: str = "", **body: object) -> object:
    headers = {"Authorization": f"Bearer {token}"} if token else {}
    return httpx.request(method, server + path, headers=headers, **body).raise_for_status().json()


@pytest.fixture(scope="module")
def mine(server):
    """An owner with the made-up day."""
    token = ask(server, "POST", "/v1/owners")["token"]
    tracker = ask(server, "POST", "/v1/trackers", token, json={"name": "Bag", "model": "Flow"})["id"]
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        for name, body in flow_export().items():
            archive.writestr(name, body)
    done = ask(server, "POST", f"/v1/trackers/{tracker}/imports?name=flow.zip", token, content=packed.getvalue())
    assert done["state"] == "done", done
    return token, tracker


@pytest.fixture
def enter(visit, mine):
    """The tracker page of the owner."""

    def go(path: str = "/tracker", token: str = mine[0], **options: object) -> object:
        page = visit("/settings", **options)
        page.evaluate("token => localStorage.setItem('brise.owner', JSON.stringify(token))", token)
        page.goto(page.url.split("/settings")[0] + path, wait_until="commit")
        return page

    return go


def test_from_import_to_erasure(visit, server, files):
    page = visit("/tracker")
    page.get_by_role("button", name="Create an account").click()
    token = page.get_by_test_id("secret").inner_text()
    assert token.startswith("bo_")
    page.get_by_role("button", name="I have kept it").click()
    page.locator("input[type=file]").set_input_files(files)
    report = page.get_by_test_id("report")
    report.wait_for()
    assert f"{ROWS:,} rows read, {ROWS:,} kept" in report.inner_text()
    for told in ("warming up", "dropout", "by a fix", "battery (%)"):
        assert told in report.inner_text()
    page.get_by_role("button", name="See the last day").click()
    page.get_by_role("heading", name="Yesterday: you breathed").wait_for()
    assert 9 < float(page.get_by_test_id("mean").inner_text()) < 16
    assert "On foot" in page.locator("table", has_text="By how you moved").inner_text()
    page.get_by_role("button", name="My data").click()
    switch = page.get_by_role("switch", name="Share from now on")
    assert switch.get_attribute("aria-checked") == "false"
    switch.click()
    page.locator("[role=switch][aria-checked=true]").wait_for()
    tracker = ask(server, "GET", "/v1/trackers", token)["trackers"][0]["id"]
    assert ask(server, "GET", f"/v1/trackers/{tracker}/sharing", token)["periods"][0]["end"] is None
    page.get_by_role("button", name="Stop sharing this period").click()
    page.get_by_text("Nothing is shared.", exact=True).wait_for()
    with page.expect_download() as got:
        page.get_by_role("button", name="Download everything").click()
    assert zipfile.is_zipfile(got.value.path())
    fields = page.locator("section", has=page.get_by_role("heading", name="Erase", exact=True)).locator("input")
    for field in fields.all():
        field.fill(DAY)
    page.get_by_role("button", name="Erase a period").click()
    page.get_by_role("button", name="Keep", exact=True).click()
    assert ask(server, "GET", f"/v1/trackers/{tracker}", token)["samples"] == ROWS
    page.get_by_role("button", name="Erase a period").click()
    page.get_by_role("button", name="Erase for good").click()
    page.get_by_text(re.compile(r"^Erased: [\d,]+ samples\.$")).wait_for()
    assert ask(server, "GET", f"/v1/trackers/{tracker}", token)["samples"] == ROWS - ROWS_A_DAY
    page.get_by_role("button", name="Erase the account").click()
    page.get_by_role("button", name="Erase for good").click()
    page.get_by_role("button", name="Create an account").wait_for()
    assert page.evaluate("localStorage.getItem('brise.owner')") is None
    page.get_by_label("Your token").fill(token)
    page.get_by_role("button", name="Sign in").click()
    page.get_by_text("This token opens nothing").wait_for()


def test_the_day_is_a_curve_with_its_gaps_and_its_words(enter):
    page = enter(f"/tracker?day={DAY}&show=pm25")
    slider = page.get_by_role("slider", name="Moment of the day")
    slider.wait_for()
    assert slider.locator(".doubt").count() == 0, "particles are not doubtful while the gas cells warm up"
    drawn = slider.locator("path.line").get_attribute("d")
    assert drawn.count("M") >= 2, "an hour without samples is a gap"
    assert re.match(
        r"Fine particles, PM two point five on .*: lowest .* at .*, highest .* at .*, known for 22 hours\.",
        page.get_by_test_id("sentence").inner_text(),
    )
    slider.press("Home")
    slider.press("PageUp")
    assert slider.get_attribute("aria-valuenow") == "60"
    moment = page.get_by_test_id("moment")
    assert ":01" in moment.locator("strong").inner_text()
    assert {"As measured", "Corrected"} <= set(moment.get_by_role("columnheader").all_inner_texts())
    assert "No correction is known for this sensor" in moment.inner_text() or "Corrected by:" in moment.inner_text()
    page.get_by_role("radio", name="NO₂").check(force=True)
    slider.locator(".doubt").first.wait_for(state="attached")
    assert page.get_by_text("Hatched: doubtful, left out").is_visible()
    slider.press("Home")
    assert "warming up" in moment.inner_text()
    page.get_by_label("Scale").select_option("plume_classic")
    moment.get_by_text("Plume").wait_for()
    assert page.get_by_text("City, same hours").locator("xpath=..").inner_text() != "unknown"


def test_what_was_inferred_can_be_told_otherwise(enter, server, mine):
    page = enter(f"/tracker?day={DAY}")
    card = page.locator("section", has=page.get_by_role("heading", name="Your time"))
    card.locator("summary", has_text="On foot").first.click()
    card.locator("details[open]").get_by_label("Moving").select_option("cycle")
    card.locator("summary", has_text="Cycling").first.wait_for()
    said = ask(server, "GET", f"/v1/trackers/{mine[1]}/labels", mine[0])["labels"]
    assert [(one["field"], one["value"]) for one in said] == [("mode", "cycle")]
    stay = card.locator("summary", has_text=re.compile("Home|Place")).first
    stay.click()
    place = card.locator("details[open]", has=page.get_by_label("Name of this place"))
    place.get_by_label("Name of this place").fill("The boat")
    place.get_by_role("button", name="Save").click()
    card.locator("summary", has_text="The boat").first.wait_for()
    assert ask(server, "GET", "/v1/owners/me/places", mine[0])["places"][0]["name"] == "The boat"


def test_the_track_is_on_the_map(enter):
    page = enter(f"/tracker?day={DAY}")
    page.get_by_role("button", name="Show the map").click()
    canvas = page.get_by_role("region", name=re.compile("^Map of your track"))
    canvas.wait_for()
    page.wait_for_function(
        "() => document.querySelector('.maplibregl-map')?.map?.querySourceFeatures('track').length > 20"
    )
    before = page.get_by_test_id("moment").locator("strong").inner_text()
    canvas.press("Enter")
    page.wait_for_function(
        "before => document.querySelector('[data-testid=moment] strong').innerText !== before", arg=before
    )


def test_devices_are_added_renamed_and_erased(enter, server):
    token = ask(server, "POST", "/v1/owners")["token"]
    page = enter("/tracker?view=devices", token)
    form = page.locator("form", has=page.get_by_role("heading", name="Add a device"))
    form.get_by_label("Name", exact=True).fill("Balcony")
    form.get_by_label("Make").select_option("AirGradient")
    form.get_by_label("Serial number").fill("84fce612eff4")
    form.get_by_role("button", name="Add a device").click()
    key = page.get_by_test_id("secret").inner_text()
    assert key.startswith("bd_")
    page.locator("summary", has_text="Sensor.Community").click()
    assert page.get_by_text("/v1/push-sensor-data/").is_visible()
    assert page.get_by_text("airgradient:84fce612eff4").count() == 1
    url = "/sensors/airgradient:84fce612eff4/measures"
    assert ask(server, "POST", url, key, json={"pm02": 7, "rco2": 500})["stored"] == 1
    page.get_by_role("button", name="Rename: Balcony").click()
    page.locator("li").get_by_label("Name").fill("Roof")
    page.get_by_role("button", name="Save").click()
    page.get_by_role("heading", name="Roof").wait_for()
    page.get_by_role("button", name="Erase the device Roof").click()
    page.get_by_role("button", name="Erase for good").click()
    page.get_by_text("No device yet").wait_for()


def test_a_file_can_be_dropped_and_a_wrong_one_is_one_line(enter, server):
    page = enter("/tracker", ask(server, "POST", "/v1/owners")["token"])
    page.get_by_role("group", name="Drop files here").wait_for()
    page.evaluate("""() => {
        const held = new DataTransfer();
        held.items.add(new File(['a,b\\n1,2\\n'], 'strange.csv'));
        document.querySelector('.zone').dispatchEvent(new DragEvent('drop', {dataTransfer: held, bubbles: true}));
    }""")
    told = page.locator("[role=alert]").first
    told.wait_for()
    assert told.inner_text().startswith("strange.csv: ")


def test_nobody_sees_anothers_tracker(enter, server, mine):
    stranger = ask(server, "POST", "/v1/owners")["token"]
    page = enter(f"/tracker?view=day&tracker={mine[1]}&day={DAY}", stranger)
    page.get_by_text("No device yet").wait_for()
    assert "Bag" not in page.locator("main").inner_text()
    page.goto(page.url.replace("view=day", "view=data"))
    page.get_by_role("heading", name="Take your data with you").wait_for()
    assert page.get_by_role("switch").count() == 0


@pytest.mark.parametrize("view", ["", "day", "import", "devices", "data"])
def test_axe_finds_no_violation_on_the_tracker_pages(enter, visit, view):
    if not AXE.is_file():
        pytest.skip("no axe-core: `npm ci` in web/")
    page = enter(f"/tracker?view={view}") if view else visit("/tracker")
    ready = {"": "form", "day": "[data-testid=moment]", "import": ".zone", "devices": "li h2", "data": "[role=switch]"}
    page.locator(ready[view]).first.wait_for()
    page.evaluate(AXE.read_text())
    for theme in ("light", "dark"):
        page.emulate_media(color_scheme=theme)
        found = page.evaluate("axe.run(document, {resultTypes: ['violations']})")["violations"]
        told = [f"{one['id']}: {node['html'][:120]} {node['failureSummary']}" for one in found for node in one["nodes"]]
        assert not told, "\n".join([theme, *told])


@pytest.mark.parametrize("language", ["ar", "de"])
def test_nothing_sticks_out_of_a_narrow_phone_in_either_direction(enter, language):
    page = enter(f"/tracker?day={DAY}&lang={language}", size=(320, 640))
    for view, ready in (("day", "[data-testid=moment]"), ("import", ".zone"), ("data", "[role=switch]")):
        page.goto(re.sub("view=[a-z]+|(?=lang=)", f"view={view}&", page.url, count=1).replace("&&", "&"))
        page.locator(ready).first.wait_for()
        assert page.evaluate("document.documentElement.scrollWidth") <= 320
    assert page.evaluate("document.documentElement.dir") == ("rtl" if language == "ar" else "ltr")


def test_the_first_screen_asks_for_nothing_of_these_pages(visit, built):
    page = visit("/")
    page.get_by_test_id("number").wait_for()
    asked = page.evaluate("performance.getEntriesByType('resource').map((one) => one.name)")
    own = [path for path in built if "/entry-" in path]
    assert own
    assert not [url for url in asked if any(url.endswith(path) for path in own)]
    assert page.get_by_role("link", name="Tracker").is_visible()


@pytest.mark.parametrize("path", WORDS, ids=lambda path: path.stem)
def test_every_language_has_the_words_of_these_pages(path):
    english = json.loads((WEB / "src/tracker/words/en.json").read_text())
    words = json.loads(path.read_text())
    assert len(WORDS) == 8
    assert list(words) == list(english)
    for key, text in words.items():
        assert text.strip(), key
        assert sorted(re.findall(r"\{(\w+)\}", text)) == sorted(re.findall(r"\{(\w+)\}", english[key])), key
    assert set(ENGLISH) <= set(words)
    assert {f"flag.{flag.name.lower()}" for flag in SampleFlag} <= set(words)


def test_the_server_offers_the_pages():
    assert "tracker" in web.OFFERS
