"""`make bench`: every benchmark that a laptop can run in minutes."""

import importlib

NAMES = (
    "speed.ingest",
    "speed.trackers",
    "speed.analysis",
    "speed.api",
    "speed.inference",
    "speed.training",
    "speed.rain_ensemble",
)


for name in NAMES:
    print(f"\n== {name}", flush=True)
    importlib.import_module(f"benchmarks.{name}").main()
