"""Every page in a real browser: what it holds, and that axe finds nothing wrong with it."""

import gzip
import json
import re
from pathlib import Path

import pytest

from brise.service.api import web

HERE = "at=51.5085,-0.1257&name=London&country=GB&zone=Europe/London"
AXE = Path(__file__).resolve().parents[2] / "web" / "node_modules" / "axe-core" / "axe.min.js"
PLACES = [
    {"latitude": 51.5085, "longitude": -0.1257, "name": "London", "country": "GB", "timezone": "Europe/London"},
    {"latitude": 51.48, "longitude": -0.2, "name": "Fulham", "country": "GB", "timezone": "Europe/London"},
]
MAP = "lat=51.505&lon=-0.11&zoom=9&layer=no2"
FIRST_BYTES = 100_000
"""JavaScript and styles of the first screen, gzipped."""


def with_places(page):
    page.evaluate("text => localStorage.setItem('brise.places', text)", json.dumps(PLACES))
    page.goto(page.url.split("/settings")[0] + "/places")
    page.get_by_role("link", name="Fulham").wait_for()
    return page


def violations(page) -> list[str]:
    """What axe finds wrong with a page as it is."""
    page.evaluate(AXE.read_text())
    found = page.evaluate("axe.run(document, {resultTypes: ['violations']})")
    return [
        f"{one['id']}: {node['html'][:120]} {node['failureSummary']}"
        for one in found["violations"]
        for node in one["nodes"]
    ]


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize(
    ("path", "ready"),
    [
        (f"/?{HERE}", "[data-testid=number]"),
        ("/?at=0,-30", "[data-testid=word]"),
        (f"/place?{HERE}", ".indices"),
        ("/places", "h1"),
        ("/settings", "#language"),
        ("/embed/london", ".word"),
        (f"/map?{MAP}", "[data-testid=map-when]"),
    ],
)
def test_axe_finds_no_violation(visit, path, ready, theme):
    if not AXE.is_file():
        pytest.skip("no axe-core: `npm ci` in web/")
    page = visit(path, color_scheme=theme)
    page.locator(ready).first.wait_for()
    assert not violations(page)


def test_saved_places_are_ordered_and_compared(visit):
    page = with_places(visit("/settings"))
    assert page.locator("li strong").all_inner_texts() == ["London", "Fulham"]
    page.get_by_role("button", name="Move Fulham up").click()
    assert page.locator("li strong").all_inner_texts() == ["Fulham", "London"]
    for box in page.get_by_role("checkbox").all():
        box.check()
    table = page.get_by_role("table")
    table.wait_for()
    assert table.get_by_role("columnheader").all_inner_texts() == ["Fulham", "London"]
    rows = table.locator("tr").filter(has_text="NO₂").locator("td").all_inner_texts()
    assert len(rows) == 2
    assert all(float(one) > 0 for one in rows)
    page.get_by_role("button", name="Forget this place: London").click()
    assert page.locator("li strong").all_inner_texts() == ["Fulham"]


def test_the_place_page_has_every_pollutant_and_index_and_a_download(visit, server):
    page = visit(f"/place?{HERE}")
    page.locator(".indices li").first.wait_for()
    assert page.locator("tbody tr").filter(has_text="Modelled").count() == 6
    assert page.locator(".indices li").count() == 9
    assert page.get_by_text("Quay, ").is_visible()
    link = page.get_by_role("link", name="Download CSV")
    assert link.get_attribute("download") == "brise.csv"
    reply = page.request.get(server + link.get_attribute("href"))
    assert reply.ok, reply.text()
    assert "pm25" in reply.text()


def test_the_place_page_says_how_good_the_forecasts_were(visit):
    page = visit(f"/place?{HERE}")
    card = page.locator("section", has=page.get_by_role("heading", name="How good were we here?"))
    card.get_by_text("91% of forecasts 1 to 6 hours ahead were in the right band").wait_for()
    rows = card.locator("tbody tr").all_inner_texts()
    assert [row.split("\t")[0] for row in rows] == ["1–6 h", "7–24 h", "25–48 h", "49–96 h"]
    assert "2.1" in rows[0]
    assert "−0.6" in rows[0]
    assert "Too few comparisons yet" in rows[2]
    card.get_by_role("radio", name="NO₂").check(force=True)
    assert "Quay" in card.inner_text()
    far = visit("/place?at=20,20&name=Nowhere")
    far.get_by_text("Not known yet: no forecast for this place is old enough").wait_for()


def test_a_widget_may_be_framed_and_the_app_may_not(visit, server):
    page = visit("/embed/london?scale=european_aqi")
    page.locator(".word").wait_for()
    assert page.get_by_role("heading", name="London").is_visible()
    assert page.get_by_role("link", name="Open in Brise").get_attribute("href").startswith("/?at=51.5")
    policies = [page.request.get(server + path).headers["content-security-policy"] for path in ("/embed/london", "/")]
    assert policies[0].endswith("frame-ancestors *")
    assert policies[1].endswith("frame-ancestors 'none'")
    assert page.request.get(f"{server}/embed/zzzzqq").status == 404


def test_pages_that_the_server_does_not_offer_are_not_shown(visit):
    page = visit(f"/?{HERE}")
    page.get_by_test_id("number").wait_for()
    assert page.get_by_role("navigation").get_by_role("link").all_inner_texts() == [
        *("Now", "Map", "Places", "Tracker", "Settings")
    ]


def test_a_policy_without_exceptions(built):
    policy = web.security()["Content-Security-Policy"]
    assert "unsafe" not in policy
    assert "default-src 'none'" in policy
    for name in ("/index.html", "/embed.html"):
        text = built[name].bodies[""].decode()
        assert not re.search(r"<script(?![^>]*\bsrc=)|<style|\son\w+=|\sstyle=", text)


def test_the_first_screen_is_light(built):
    worker = built["/sw.js"].bodies[""].decode()
    first = [*json.loads(re.search(r'"first":(\[[^\]]*\])', worker)[1]), next(p for p in built if "text_ar" in p)[1:]]
    sizes = {name: len(gzip.compress(built["/" + name].bodies[""], 9)) for name in first}
    assert sum(sizes.values()) < FIRST_BYTES, sizes
    assert not any("maplibre" in name for name in first)


def test_files_are_compressed_tagged_and_kept(built, server, chromium):
    name = next(path for path in built if path.startswith("/assets/index-") and path.endswith(".js"))
    request = chromium.new_context().request
    reply = request.get(server + name, headers={"accept-encoding": "br"})
    assert reply.headers["content-encoding"] == "br"
    assert "immutable" in reply.headers["cache-control"]
    again = request.get(server + name, headers={"if-none-match": reply.headers["etag"]})
    assert again.status == 304
    assert request.get(server + "/sw.js").headers["cache-control"] == "no-cache"
    assert request.get(server + "/").headers["cache-control"] == "no-store"
