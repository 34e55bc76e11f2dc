"""Does the live map tell the truth where nobody measures? A replay that hides a station, asked at that station's place.

`python -m benchmarks.skill.replay ARCHIVE.parquet --at 2023-02-01T00:00Z --hide BL0 --seconds 120` starts `brise up`
on the archive at 3600 times real time without the station, asks the point API there once a second, and compares each
answer with what the hidden station measured: the error against the spread that the answer itself gave (from
leave-one-out), which should agree, and the share of truths inside the 80 % interval.
"""

import argparse
import contextlib
import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import httpx
import numpy as np
import pandas as pd

NORMAL_80 = 2.563
"""Width of a normal distribution's 10-90 % interval in standard deviations."""


def answers(port: int, place: tuple[float, float], seconds: float) -> pd.DataFrame:
    rows, end = [], time.monotonic() + 120
    url = f"http://127.0.0.1:{port}/v1/air-quality/current?latitude={place[0]}&longitude={place[1]}"
    while time.monotonic() < end:
        with contextlib.suppress(httpx.TransportError):
            reply = httpx.get(url, timeout=5).json()
            if reply.get("status") == "ok":
                if not rows:
                    end = time.monotonic() + seconds
                rows += [
                    {"time": reply["time"], "lead": reply["lead_hours"], "variable": name, "kind": one["kind"]}
                    | {side: one[side] for side in ("value", "q10", "q90")}
                    for name, one in reply["concentrations"].items()
                ]
        time.sleep(1.0)
    return pd.DataFrame(rows).drop_duplicates(["time", "variable"])


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("archive", type=Path)
    options.add_argument("--at", default="2023-02-01T00:00Z")
    options.add_argument("--hide", default="BL0")
    options.add_argument("--seconds", type=float, default=120)
    chosen = options.parse_args()
    truth = pd.read_parquet(chosen.archive)
    truth = truth[truth["station_id"].astype(str) == chosen.hide]
    place = (float(truth["lat"].iloc[0]), float(truth["lon"].iloc[0]))
    truth.index = truth["time_utc"] + pd.Timedelta(hours=1)  # END of the hour
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    with tempfile.TemporaryDirectory() as folder:
        hidden = Path(folder) / "hidden.txt"
        hidden.write_text(chosen.hide)
        command = [sys.executable, "-m", "brise", "up", "--replay", str(chosen.archive), "--at", chosen.at,
                   "--speed", "3600", "--withhold", str(hidden),
                   "--data", f"{folder}/data", "--port", str(port)]  # fmt: skip
        child = subprocess.Popen(command, stderr=subprocess.DEVNULL, start_new_session=True)
        try:
            found = answers(port, place, chosen.seconds)
        finally:
            os.killpg(child.pid, signal.SIGKILL)
            child.wait()
    for variable, rows in found.groupby("variable"):
        column = next(c for c in truth.columns if c.startswith(f"{variable}_"))
        measured = truth[column].reindex(pd.to_datetime(rows["time"])).to_numpy(float)
        keep = np.isfinite(measured) & (rows["kind"] == "modelled").to_numpy()
        error = rows["value"].to_numpy(float)[keep] - measured[keep]
        spread = (rows["q90"] - rows["q10"]).to_numpy(float)[keep] / NORMAL_80
        inside = (measured >= rows["q10"].to_numpy(float)) & (measured <= rows["q90"].to_numpy(float))
        print(
            f"{variable}: {keep.sum()} hours, leads {rows['lead'].min()}-{rows['lead'].max()} h, "
            f"RMSE {np.sqrt(np.mean(error**2)):.2f}, predicted {np.sqrt(np.mean(spread**2)):.2f}, "
            f"ratio {np.sqrt(np.mean(error**2) / np.mean(spread**2)):.2f}, inside 80 %: {inside[keep].mean():.2f}"
        )


if __name__ == "__main__":
    main()
