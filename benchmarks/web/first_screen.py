"""How soon the first screen is useful: `python -m benchmarks.web.first_screen [URL]`, against a server that runs.

Chromium with its processor slowed 4 times and a 3G network, by the DevTools protocol; useful = the index is drawn. Two
networks are called "fast 3G": DevTools' preset (562 ms a journey, 1.44 Mbit/s) and Lighthouse's (150 ms, 1.6 Mbit/s).
"""

import shutil
import statistics
import sys

from playwright.sync_api import Browser, sync_playwright

NETWORKS = {"DevTools fast 3G": (562.5, 1.44e6), "Lighthouse fast 3G": (150.0, 1.6e6), "unthrottled": (0.0, 0.0)}
SLOWER = 4
ROUNDS = 5
WATCH = """
new MutationObserver((_, all) => {
  if (document.querySelector('[data-testid=number], [data-testid=word]')) {
    all.disconnect();
    requestAnimationFrame(() => requestAnimationFrame(() => (window.useful = performance.now())));
  }
}).observe(document, {childList: true, subtree: true});
"""


def visit(browser: Browser, url: str, network: tuple[float, float]) -> tuple[float, float]:
    """Milliseconds to the useful screen, and kilobytes that came until then, in a fresh profile."""
    latency, speed = network
    context = browser.new_context(viewport={"width": 390, "height": 844}, service_workers="block", locale="en-GB")
    page = context.new_page()
    page.add_init_script(WATCH)
    tools = context.new_cdp_session(page)
    tools.send("Network.enable")
    if speed:
        limits = {"offline": False, "latency": latency, "downloadThroughput": speed / 8, "uploadThroughput": speed / 16}
        tools.send("Network.emulateNetworkConditions", limits)
    tools.send("Emulation.setCPUThrottlingRate", {"rate": SLOWER})
    page.goto(url, wait_until="commit")
    page.locator("[data-testid=word]").wait_for()
    page.wait_for_timeout(300)  # until it is drawn, and the observer has said when
    useful = page.evaluate("window.useful")
    sizes = page.evaluate("performance.getEntries().map(one => one.transferSize || 0).reduce((a, b) => a + b, 0)")
    context.close()
    return useful, sizes / 1000


def main() -> None:
    url = sys.argv[1] if len(sys.argv) > 1 else "http://127.0.0.1:8080/"
    flags = ["--no-sandbox", "--disable-background-networking", "--disable-sync"]
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=shutil.which("chromium"), args=flags)
        visit(browser, url, NETWORKS["unthrottled"])  # the server's caches and the browser's own start
        for name, network in NETWORKS.items():
            rows = [visit(browser, url, network) for _ in range(ROUNDS)]
            times = sorted(row[0] for row in rows)
            told = f"median {statistics.median(times):.0f} ms, {times[0]:.0f} to {times[-1]:.0f}"
            print(f"{name}, processor {SLOWER} times slower: {told}; {rows[0][1]:.0f} kB")
        browser.close()


if __name__ == "__main__":
    main()
