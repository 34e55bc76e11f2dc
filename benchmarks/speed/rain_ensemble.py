"""The full-field rain product: 1100 x 1250 pixels, 20 members, 24 steps of 5 minutes, with its time and memory.

    python -m benchmarks.speed.rain_ensemble [SHARED_DATA]

Real frames (FI_20160928) where the shared data are, else simulated ones. Wall and CPU time of: the nowcast with its
quantiles and chances; motion and members; and the sums that the product tells. The least of RUNS, since others disturb.
"""

import resource
import sys
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np

from brise.conventions.grids import Grid
from brise.formulas.motion import estimate_motion
from brise.formulas.nature_rain import rain_field
from brise.models.rain_extrapolation import nowcast
from brise.products.rain_ensemble import members
from brise.products.rain_nowcast import FRAMES, LEADS, MEMBERS, totals

ROWS, COLUMNS, RUNS = 1100, 1250, 2


def frames(shared: Path) -> np.ndarray:
    path = shared / "radar" / "FI_20160928.npz"
    if path.exists():
        with np.load(path) as archive:
            packed = archive["rate"][:FRAMES]
        return np.where(packed == 65535, np.nan, packed / 100).astype(np.float32)
    grid, start = Grid("field", 60.0, 0.0, 0.01, ROWS, COLUMNS), datetime(2026, 11, 23, tzinfo=UTC)
    return np.stack([rain_field(grid, start + timedelta(minutes=5 * step)) for step in range(FRAMES)])


def clocks() -> np.ndarray:
    return np.array([time.perf_counter(), time.process_time()])


def once(rain: np.ndarray) -> dict[str, np.ndarray]:
    leads, marks = np.array(LEADS, float), [clocks()]
    forecast = nowcast(rain, 5.0, leads)
    marks.append(clocks())
    stories = members(rain, estimate_motion(rain), forecast, 5.0, count=MEMBERS, seed=1)
    spent = np.zeros(2)

    def watched():
        nonlocal spent
        while True:
            began = clocks()
            story = next(stories, None)
            spent += clocks() - began
            if story is None:
                return
            yield story

    totals(watched(), leads)
    marks.append(clocks())
    return {"nowcast": marks[1] - marks[0], "members": spent, "sums": marks[2] - marks[1] - spent}


def main() -> None:
    rain = frames(Path(sys.argv[1] if len(sys.argv) > 1 else "../shared/data"))
    once(np.ascontiguousarray(rain[:, :64, :64]))  # compiles
    runs = [once(rain) for _ in range(RUNS)]
    best = {name: np.min([run[name] for run in runs], axis=0) for name in runs[0]}
    best["all"] = np.min([sum(run.values()) for run in runs], axis=0)
    print(f"{rain.shape[1]} x {rain.shape[2]} pixels, {MEMBERS} members, {len(LEADS)} steps")
    print("| part | wall s | CPU s |\n|---|---|---|")
    for name, (wall, cpu) in best.items():
        print(f"| {name} | {wall:.1f} | {cpu:.1f} |")
    print(f"most memory: {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20:.2f} GB")


if __name__ == "__main__":
    main()
