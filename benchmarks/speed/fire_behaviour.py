"""A million rows through `brise fire behaviour`, beside Python's csv module only copying the same rows.

    python -m benchmarks.speed.fire_behaviour [--rows N]

Processor time, so that others at work matter little.
"""

import argparse
import csv
import resource
import tempfile
import time
from pathlib import Path

import numpy as np

from brise.formulas.fire.fuel_models import NUMBERS
from brise.service.jobs.fire_behaviour import REQUIRED, behaviour_table


def table(path: Path, rows: int) -> None:
    rng = np.random.default_rng(1)
    names = np.array(list(NUMBERS))[rng.integers(0, len(NUMBERS), rows)]
    low, high = (2, 3, 4, 30, 50, 0, 0, 0), (30, 30, 30, 150, 200, 60, 360, 100)
    numbers = rng.integers(low, high, (rows, 8))
    with path.open("w", newline="") as file:
        out = csv.writer(file)
        out.writerow(REQUIRED)
        out.writerows([name, *row] for name, row in zip(names, numbers.tolist(), strict=True))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, default=1_000_000)
    rows = parser.parse_args().rows
    with tempfile.TemporaryDirectory() as folder:
        source, out = Path(folder) / "in.csv", Path(folder) / "out.csv"
        table(source, rows)
        began = time.process_time()
        with source.open(newline="") as file, (Path(folder) / "copy.csv").open("w", newline="") as copy:
            csv.writer(copy).writerows(csv.reader(file))
        copied = time.process_time() - began
        began, wall = time.process_time(), time.perf_counter()
        behaviour_table(source, out)
        took, wall = time.process_time() - began, time.perf_counter() - wall
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(f"{rows:,} rows: {took:.2f} s of processor ({rows / took:,.0f} rows/s, {wall:.1f} s by the clock)")
    print(f"the csv module copies them in {copied:.2f} s: {took / copied:.1f} times that; peak memory {peak:.0f} MiB")


if __name__ == "__main__":
    main()
