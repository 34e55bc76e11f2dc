"""Import of a tracker's files, from a cold start: an export of 15,000 rows, and 5 million rows in two files.

`python -m benchmarks.speed.trackers` prints wall seconds and peak memory of `brise tracker import --local`, beside its
limits (3 s; 90 s and 500 MB) and beside pandas reading the same CSV and writing it back. The rows are made: a seeded
walk of the air with pauses, in the headings of a Flow export.
"""

import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import pandas as pd

START = 1_325_376_000  # 2012
PANDAS = "import pandas, sys; pandas.read_csv(sys.argv[1]).to_csv(sys.argv[2], index=False)"


def make(folder: Path, rows: int, seed: int = 1) -> list[Path]:
    """Measures and positions in the headings of a Flow export."""
    rng = np.random.default_rng(seed)
    measures, positions = folder / "user_measures_1.csv", folder / "user_positions_1.csv"
    step = 100_000
    for begin in range(0, rows, step):
        n = min(step, rows - begin)
        stamp = START + 60 * np.arange(begin, begin + n) + begin // 500_000 * 3600
        frame = pd.DataFrame({"timestamp": stamp})
        frame["date (UTC)"] = pd.to_datetime(stamp, unit="s").strftime("%Y-%m-%d %H:%M:%S")
        frame["NO2 (ppb)"], frame["VOC (ppb)"] = rng.integers(0, 60, n), rng.integers(90, 400, n)
        frame["pm 10 (ug/m3)"], frame["pm25 (ug/m3)"] = rng.gamma(3, 5, n).round(6), rng.gamma(3, 2, n).round(6)
        for name in ("NO2", "VOC", "pm 10", "pm 25"):
            frame[f"{name} (Plume AQI)"] = rng.integers(0, 80, n)
        frame.to_csv(measures, mode="a", header=not begin, index=False)
        fixes = frame[["timestamp", "date (UTC)"]].iloc[::6].rename(columns={"date (UTC)": "date"})
        way = rng.normal(0, 2e-4, (2, len(fixes))).cumsum(axis=1)
        fixes["latitude"], fixes["longitude"] = (48.8 + way[0] % 0.1).round(5), (2.3 + way[1] % 0.1).round(5)
        fixes.to_csv(positions, mode="a", header=not begin, index=False)
    return [measures, positions]


def timed(*command: str) -> tuple[float, float]:
    """Wall seconds and peak MB of one process."""
    started = time.perf_counter()
    child = subprocess.Popen(command, stdout=subprocess.DEVNULL)
    _, status, used = os.wait4(child.pid, 0)
    if status:
        raise SystemExit(f"{command[:5]} ended with status {status}")
    return time.perf_counter() - started, used.ru_maxrss / 1e3


def main(rows: tuple[int, ...] = (15_000, 5_000_000)) -> None:
    for count, limit in zip(rows, ((3, 500), (90, 500)), strict=True):
        with tempfile.TemporaryDirectory() as name:
            folder = Path(name)
            files = make(folder, count)
            out = folder / "out.csv"
            command = [
                sys.executable,
                "-m",
                "brise",
                "tracker",
                "import",
                *map(str, files),
                "--local",
                "--out",
                str(out),
            ]
            ours = [timed(*command) for _ in range(3 if count < 100_000 else 1)]
            peer = timed(sys.executable, "-c", PANDAS, str(files[0]), str(out))
        seconds, memory = min(ours)
        print(f"{count:>9,} rows   brise {seconds:6.2f} s (limit {limit[0]}), peak {memory:.0f} MB (limit {limit[1]})")
        ratio = seconds / peer[0]
        print(f"{'':>14}   pandas, read and written back {peer[0]:6.2f} s, peak {peer[1]:.0f} MB; ratio {ratio:.2f}")


if __name__ == "__main__":
    main()
