"""Do the learned nowcaster's chances come true? Every event by the network and the calibration that never saw it.

    python -m benchmarks.skill.rain_reliability [../shared/data/radar] [weights]

For each threshold and decile of the chance told: how many lessons (windows and whole fields to two hours, as measured),
the mean chance told, how often it came, over the events alike and event by event. A decile counts as populated when it
holds LEAST lessons of at least two events.
"""

import sys
from pathlib import Path

import numpy as np

from brise.io.artifacts import Artifacts
from brise.models.rain_calibration import DECILES, LEAST, calibrated, reliability
from brise.models.rain_forecast import THRESHOLDS
from brise.models.rain_samples import Lessons, Sampling, lessons
from brise.models.rain_serving import FAMILY, LEVELS, Nowcaster, open_nowcaster
from brise.service.jobs.train_rain import read_event

FOLDER = Path(sys.argv[1] if len(sys.argv) > 1 else "../shared/data/radar")
WEIGHTS = Path(sys.argv[2] if len(sys.argv) > 2 else "weights")
EVENTS = ("AU_20180616", "CH_20150515", "CH_20170131", "FI_20160928", "NL_20100826")
SEED = 99
"""Other places and times than the training drew."""


def rain_artifact(root: Path) -> dict[str, bytes]:
    """The newest rain nowcaster of a store."""
    store = Artifacts(root)
    found = [one for one in store.entries() if one.card.get("family") == FAMILY]
    if not found:
        raise SystemExit(f"no rain nowcaster in {root}")
    return store.read(max(found, key=lambda one: str(one.card.get("created"))).digest)


def told_of(nowcaster: Nowcaster, known: Lessons) -> np.ndarray:
    """(N, LEVELS) calibrated chances."""
    parts = [
        nowcaster.session.run({"inputs": known.inputs[at : at + 50_000]})[0] for at in range(0, len(known), 50_000)
    ]
    return calibrated(np.concatenate(parts), known.minutes, nowcaster.calibration)


def main() -> None:
    files = rain_artifact(WEIGHTS)
    chances, truths = {}, {}
    for number, name in enumerate(EVENTS):
        sampling = Sampling(windows=150, fields=10)
        known = lessons(read_event(FOLDER / f"{name}.npz"), sampling, np.random.default_rng([SEED, number]))
        known = known.where(known.plain)
        chances[name], truths[name] = told_of(open_nowcaster(files, without=name), known), known.truth
    for threshold in THRESHOLDS:
        at = LEVELS.index(threshold)
        tables = {
            name: reliability(chances[name][:, at], truths[name] >= np.float32(np.log1p(threshold))) for name in EVENTS
        }
        report(threshold, tables)


def report(threshold: float, tables: dict[str, np.ndarray]) -> None:
    print(f"\nat least {threshold:g} mm/h: chance told and how often it came, by decile (events alike; each event)")
    worst = 0.0
    for decile in range(DECILES):
        rows = {name: table[decile] for name, table in tables.items() if table[decile, 0] >= LEAST}
        if len(rows) < 2:
            continue
        weights = {name: row[0] / tables[name][:, 0].sum() for name, row in rows.items()}
        total = sum(weights.values())
        told, came = (sum(weights[name] * row[part] for name, row in rows.items()) / total for part in (1, 2))
        worst = max(worst, abs(told - came))
        each = "  ".join(
            f"{name[:7]} {100 * row[1]:.0f}->{100 * row[2]:.0f} ({row[0]:.0f})" for name, row in rows.items()
        )
        print(f"  {10 * decile:3d}-{10 * decile + 10} %: {100 * told:5.1f} -> {100 * came:5.1f}   {each}")
    print(f"  worst populated decile: {100 * worst:.1f} points")


if __name__ == "__main__":
    main()
