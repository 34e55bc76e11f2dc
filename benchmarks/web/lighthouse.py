"""Lighthouse's scores of the first screen: `python -m benchmarks.web.lighthouse [URL]`, against a server that runs.

Lighthouse is no dependency: npx fetches the pinned version into npm's cache. Its mobile preset: a processor 4 times
slower, 150 ms a journey, 1.6 Mbit/s. The median of ROUNDS, since a busy machine costs performance.
"""

import json
import os
import shutil
import statistics
import subprocess
import sys
from typing import Any

VERSION = "12.8.2"
ROUNDS = 3
WANTED = {"accessibility": 100, "best-practices": 95, "performance": 90}
FIGURES = ("first-contentful-paint", "largest-contentful-paint", "total-blocking-time", "cumulative-layout-shift")


def visit(url: str) -> dict[str, Any]:
    """One report."""
    flags = "--headless=new --no-sandbox --disable-background-networking"
    command = ["npx", "--yes", f"lighthouse@{VERSION}", url, "--quiet", "--output=json", f"--chrome-flags={flags}"]
    command.append(f"--only-categories={','.join(WANTED)}")
    chromium = os.environ.get("BRISE_CHROMIUM") or shutil.which("chromium") or shutil.which("google-chrome") or ""
    done = subprocess.run(command, capture_output=True, check=True, env=os.environ | {"CHROME_PATH": chromium})
    report: dict[str, Any] = json.loads(done.stdout)
    return report


def main() -> None:
    """Print the medians; exit with 1 where one is below what is wanted."""
    url = sys.argv[1] if len(sys.argv) > 1 else "http://127.0.0.1:8080/"
    reports = [visit(url) for _ in range(ROUNDS)]
    short = []
    for name, least in WANTED.items():
        scores = sorted(round(100 * one["categories"][name]["score"]) for one in reports)
        print(f"{name}: {statistics.median(scores):.0f} ({scores[0]} to {scores[-1]}; wanted {least})")
        if statistics.median(scores) < least:
            short.append(name)
    for name in FIGURES:
        print(f"{name}: {', '.join(str(one['audits'][name].get('displayValue')) for one in reports)}")
    for one in reports[-1]["audits"].values():
        if one["score"] == 0 and one["scoreDisplayMode"] == "binary":
            print(f"not passed: {one['id']}")
    sys.exit(bool(short))


if __name__ == "__main__":
    main()
