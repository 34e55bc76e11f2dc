"""The screens of docs/screens: the app of a running server as a phone shows it, light and dark.

.venv/bin/python web/screens.py http://127.0.0.1:8080 [NAME ...]
"""

import io
import json
import sys
import zipfile
from functools import cache
from pathlib import Path

import httpx
from PIL import Image
from playwright.sync_api import Browser, Page, sync_playwright

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT))
from tests.web.flow_export import flow_export  # noqa: E402

FOLDER = ROOT / "docs" / "screens"
LONDON = "at=51.5085,-0.1257&name=London&country=GB&zone=Europe/London"
SCREENS = {
    "now": f"/?{LONDON}",
    "curve": f"/?{LONDON}&show=no2&hour=18",
    "french": "/?at=48.8566,2.3522&name=Paris&country=FR&zone=Europe/Paris&scale=european_aqi",
    "unknown": "/?at=0,-30",
    "map": "/map?lat=51.5&lon=-0.12&zoom=8.4&layer=no2",
    "rain": "/map?lat=51.5&lon=-0.12&zoom=7.6&layer=rain_rate&lead=30",
    "fires": "/map?lat=-26.44&lon=28.2&zoom=8.6&layer=us_aqi",
    "fire": "/map?fire=",  # the newest that is listed
    "near": "/?at=-26.2023,28.0436&name=Johannesburg&country=ZA&zone=Africa/Johannesburg",
    "place": f"/place?{LONDON}",
    "settings": "/settings",
    "tracker": "/tracker?view=day",
    "track": "/tracker?view=day&show=pm25&scale=plume_classic",
}
IDLE = """() => new Promise((done) => {
  const { map } = document.querySelector('.maplibregl-map');
  map.once('idle', () => setTimeout(done, 2000));
  map.triggerRepaint();
})"""
FLAGS = ["--no-sandbox", "--enable-unsafe-swiftshader"]


@cache
def owner(server: str) -> str:
    """The token of an owner with a made-up day."""
    with httpx.Client(base_url=server, timeout=60) as client:
        token = client.post("/v1/owners").raise_for_status().json()["token"]
        client.headers["Authorization"] = f"Bearer {token}"
        tracker = client.post("/v1/trackers", json={"name": "Flow", "model": "Flow"}).raise_for_status().json()["id"]
        packed = io.BytesIO()
        with zipfile.ZipFile(packed, "w") as archive:
            for name, body in flow_export().items():
                archive.writestr(name, body)
        client.post(f"/v1/trackers/{tracker}/imports", content=packed.getvalue()).raise_for_status()
    return str(token)


def seen(browser: Browser, url: str, name: str, theme: str) -> bytes:
    """A page as PNG, once it has come to rest."""
    context = browser.new_context(
        viewport={"width": 390, "height": 844},
        device_scale_factor=2,
        color_scheme=theme,
        locale="fr-FR" if name == "french" else "en-GB",
        timezone_id="Europe/London",
    )
    if "/tracker" in url:
        token = json.dumps(json.dumps(owner(url.split("/tracker")[0])))
        context.add_init_script(f"localStorage.setItem('brise.owner', {token})")
    page: Page = context.new_page()
    if name == "fire":
        url += httpx.get(url.replace("/map?fire=", "/v1/fire-simulations")).json()["results"][0]["id"]
    page.goto(url)
    if name == "near":
        page.locator(".fires").evaluate("one => scrollTo(0, one.offsetTop - 400)")
    if name == "track":
        page.get_by_role("button", name="Show the map").click()
        page.get_by_role("slider").click(position={"x": 118, "y": 60})
        page.locator(".maplibregl-map").evaluate("one => scrollBy(0, one.getBoundingClientRect().bottom - 768)")
        drawn = "document.querySelector('.maplibregl-map')?.map?.querySourceFeatures('track').length > 20"
        page.wait_for_function(f"() => {drawn}", timeout=120_000)
    page.wait_for_timeout(3500)
    if "/map" in url or name == "track":
        page.evaluate(IDLE)
    picture = page.screenshot(timeout=180_000)  # a map drawn without a graphics card takes its time
    context.close()
    return picture


def main() -> None:
    """Take them all."""
    FOLDER.mkdir(exist_ok=True)
    with sync_playwright() as play:
        browser = play.chromium.launch(executable_path="/usr/bin/chromium", args=FLAGS)
        for name in sys.argv[2:] or SCREENS:
            for theme in ("light", "dark"):
                image = Image.open(io.BytesIO(seen(browser, sys.argv[1] + SCREENS[name], name, theme))).convert("RGB")
                image.resize((585, 1266), Image.Resampling.LANCZOS).save(FOLDER / f"{name}-{theme}.webp", quality=82)
        browser.close()


if __name__ == "__main__":
    main()
