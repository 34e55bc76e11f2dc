"""Draw the app's PNG icons from public/icon.svg with Chromium; `python web/icons.py` after the SVG changed."""

import shutil
from pathlib import Path

from playwright.sync_api import sync_playwright

FOLDER = Path(__file__).parent / "public"
ICONS = {"icon-180": (180, 1.0), "icon-192": (192, 1.0), "icon-512": (512, 1.0)}
MASKABLE = {"maskable-192": (192, 0.8), "maskable-512": (512, 0.8)}
"""Platforms cut a maskable icon to any shape that keeps the middle 80 %: the ground goes to the edge."""


def main() -> None:
    """Draw each at its own size."""
    drawing = (FOLDER / "icon.svg").read_text()
    full = drawing.replace('rx="112"', "")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=shutil.which("chromium"), args=["--no-sandbox"])
        page = browser.new_page()
        for name, (size, share) in (ICONS | MASKABLE).items():
            page.set_viewport_size({"width": size, "height": size})
            shown = drawing
            if name in MASKABLE or name == "icon-180":
                middle = f'<g transform="translate(256 256) scale({share}) translate(-256 -256)">'
                ground = full.index("/>", full.index("<rect")) + 2
                shown = full[:ground] + middle + full[ground:].replace("</svg>", "</g></svg>")
            page.set_content(f"<style>*{{margin:0}}svg{{display:block;width:{size}px;height:{size}px}}</style>{shown}")
            page.screenshot(path=str(FOLDER / f"{name}.png"), omit_background=True)
        browser.close()


if __name__ == "__main__":
    main()
