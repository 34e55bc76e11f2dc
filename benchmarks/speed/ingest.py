"""Ingest of OpenAQ's day of the world against DuckDB reading the same files into a table.

`python -m benchmarks.speed.ingest` prints wall seconds and peak memory of each, as separate processes from a cold
start, and their ratio. The files are looked for in $BRISE_DATA or ../shared/data.
"""

import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

DATA = Path(os.environ.get("BRISE_DATA", Path(__file__).resolve().parents[3] / "shared" / "data"))
FILES = DATA / "payloads" / "openaq_realtime_2018-02-06"
DUCKDB = """
import duckdb, sys
duckdb.connect(sys.argv[1]).execute(
    "create table t as select * from read_json(?, format='newline_delimited')", [sys.argv[2] + "/*.ndjson.gz"])
"""


def timed(command: list[str]) -> tuple[float, float, str]:
    """Wall seconds, peak MB, output."""
    started = time.perf_counter()
    child = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    output, _ = child.communicate()
    if child.returncode:
        raise SystemExit(f"{command[:3]} ended with status {child.returncode}")
    return time.perf_counter() - started, resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1e3, output


def main(rounds: int = 3) -> None:
    if not FILES.is_dir():
        print(f"ingest: no {FILES}; skipped")
        return
    paths = sorted(map(str, FILES.glob("*.ndjson.gz")))
    ours, peers, again, memory = [], [], [], 0.0
    report = {}
    for _ in range(rounds):
        with tempfile.TemporaryDirectory() as folder:
            peers.append(timed([sys.executable, "-c", DUCKDB, f"{folder}/x.duckdb", str(FILES)])[0])
    peak = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1e3
    for _ in range(rounds):
        with tempfile.TemporaryDirectory() as folder:
            command = [sys.executable, "-m", "brise", "ingest", "openaq", "--json", "--data", folder, "--file", *paths]
            seconds, memory, output = timed(command)
            ours.append(seconds)
            report = json.loads(output)
            again.append(timed(command)[0])
    print(f"records {report['read']}, stored {report['stored']}, duplicate {report['duplicate']}")
    print(f"rejected {report['rejected']}")
    print(f"duckdb         {min(peers):6.2f} s wall ({peak:.0f} MB)")
    ratio = min(ours) / min(peers)
    print(f"brise          {min(ours):6.2f} s wall, ratio {ratio:.2f} (limit 4), peak {memory:.0f} MB (limit 600)")
    print(f"brise, again   {min(again):6.2f} s wall, ratio {min(again) / min(peers):.2f}")


if __name__ == "__main__":
    main()
