"""Twenty members beside pySTEPS' STEPS, on crops of real events: CRPS and FSS by lead, events weighted alike.

    make peers; python -m benchmarks.skill.rain_ensemble [SHARED_DATA] [--events A,B] [--starts 3] [--side 320]

Crops and starts are chosen from what is known at the start alone: the wettest window of the newest frame, starts evenly
over the event. pySTEPS' members are kept in build/steps, since they take a minute each. Pixels that either side does
not know at a lead (rain that would come from outside the crop) take no part. Our nowcaster's constants are fitted anew
without the event that is scored; three constants of the members were set by eye (docs/science/rain-product.md).
"""

import argparse
import os
import sys
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

import numpy as np
from benchmarks.skill.rain_constants import event_lessons, fit
from scipy.ndimage import uniform_filter

from brise.formulas.motion import estimate_motion
from brise.formulas.verification_fields import EnsembleSums, FractionSums
from brise.models.rain_extrapolation import nowcast
from brise.products.rain_ensemble import members
from brise.products.rain_nowcast import FRAMES

EVENTS = ("AU_20180616", "CH_20150515", "CH_20170131", "FI_20160928", "NL_20100826")
MEMBERS, STEPS = 20, 24
SCORED = (1, 3, 6, 12, 18, 24)
THRESHOLDS = (0.1, 1.0, 5.0)
WINDOWS = (9, 33)
PEERS, KEPT = Path("build/peers"), Path("build/steps")


def read(path: Path) -> tuple[np.ndarray, float]:
    with np.load(path) as archive:
        packed, step = archive["rate"], float(archive["step"])
    rain = packed.astype(np.float32) / 100
    rain[packed == 65535] = np.nan
    return rain, step


def crop(newest: np.ndarray, side: int) -> tuple[slice, slice]:
    """The window with most wet pixels; unknown ones count as dry."""
    height, width = (min(side, size) for size in newest.shape)
    wet = uniform_filter((np.nan_to_num(newest) >= 0.1).astype(np.float32), (height, width), mode="constant")
    inside = wet[height // 2 : newest.shape[0] - (height - 1) // 2, width // 2 : newest.shape[1] - (width - 1) // 2]
    row, column = np.unravel_index(int(inside.argmax()), inside.shape)
    return slice(row, row + height), slice(column, column + width)


def steps_members(rain: np.ndarray, step: float, kept: Path) -> np.ndarray:
    """(M, L, Y, X) of pySTEPS, as its examples run it: LK motion and STEPS in dB, members by default settings."""
    if kept.exists():
        packed = np.load(kept)["rate"]
        return np.where(packed == 65535, np.nan, packed / np.float32(100)).astype(np.float32)
    sys.path.append(str(PEERS))
    from pysteps import motion, nowcasts
    from pysteps.utils import transformation

    dry = np.nan_to_num(rain).astype(float)
    decibel, meta = transformation.dB_transform(dry, None, 0.1, -15.0)
    flow = motion.get_method("LK")(decibel)
    began = time.process_time()
    found = nowcasts.get_method("steps")(
        decibel[-3:],
        flow,
        STEPS,
        MEMBERS,
        n_cascade_levels=6,
        precip_thr=meta["threshold"],
        kmperpixel=1.0,
        timestep=step,
        noise_method="nonparametric",
        vel_pert_method="bps",
        mask_method="incremental",
        probmatching_method="cdf",
        seed=1,
        num_workers=1,
        fft_method="scipy",
    )
    rates = 10.0 ** (found / 10.0)
    rates[found < meta["threshold"]] = 0.0
    rates[~np.isfinite(found)] = np.nan
    print(f"    pySTEPS {time.process_time() - began:.0f} s CPU", flush=True)
    packed = np.where(np.isnan(rates), 65535, np.rint(np.nan_to_num(rates) * 100).clip(0, 65534)).astype(np.uint16)
    kept.parent.mkdir(parents=True, exist_ok=True)
    np.savez_compressed(kept, rate=packed)
    return rates.astype(np.float32)


def fractions(stories: np.ndarray, seen: np.ndarray) -> dict[tuple[float, int], FractionSums]:
    """Of the members, each by itself, added up."""
    out = {}
    for limit in THRESHOLDS:
        for window in WINDOWS:
            some = [FractionSums.of(one, seen, limit, window) for one in stories]
            out[limit, window] = sum(some[1:], some[0])
    return out


def score(stories: np.ndarray, peers: np.ndarray, seen: np.ndarray) -> dict[str, tuple[object, object]]:
    both = np.isfinite(stories).all(axis=0) & np.isfinite(peers).all(axis=0) & np.isfinite(seen)
    seen = np.where(both, seen, np.nan)
    sides = [np.where(both, one, np.nan) for one in (stories, peers)]
    out = {"crps": tuple(EnsembleSums.of(one, seen) for one in sides)}
    found = [fractions(one, seen) for one in sides]
    return out | {key: tuple(one[key] for one in found) for key in found[0]}


def add(total: dict, some: dict) -> None:
    for key, pair in some.items():
        total[key] = tuple(a + b for a, b in zip(total[key], pair, strict=True)) if key in total else pair


def one_event(name: str, shared: Path, choice: argparse.Namespace, model: Callable) -> dict:
    rain, step = read(shared / "radar" / f"{name}.npz")
    total: dict = {}
    firsts = np.linspace(FRAMES - 1, len(rain) - STEPS - 1, choice.starts + 2).astype(int)[1:-1]
    for first in firsts:
        rows, columns = crop(rain[first], choice.side)
        frames = np.ascontiguousarray(rain[first - FRAMES + 1 : first + 1, rows, columns])
        peers = steps_members(frames, step, KEPT / f"{name}_{first}_{choice.side}.npz")
        began = time.process_time()
        leads = step * np.arange(1, STEPS + 1)
        said = model(frames, step, leads)
        stories = members(frames, estimate_motion(frames), said, step, count=MEMBERS, seed=1)
        for place, story in enumerate(stories):
            if place + 1 in SCORED:
                seen = rain[first + place + 1, rows, columns]
                add(total, {(place + 1, *_key(key)): pair for key, pair in score(story, peers[:, place], seen).items()})
        print(f"    {name} start {first}: ours {time.process_time() - began:.0f} s CPU with scoring", flush=True)
    return total


def _key(key: object) -> tuple:
    return key if isinstance(key, tuple) else (key,)


def table(events: dict[str, dict]) -> None:
    """Events weighted alike: the mean over events of each event's score."""

    def values(key: tuple, side: int) -> np.ndarray:
        what = "crps" if key[1:] == ("crps",) else "fss"
        return np.array([one[key][side].score()[what] for one in events.values()])

    print(f"\n| step | {' | '.join(f'CRPS {name}' for name in events)} | CRPS, all: ours / STEPS |")
    print("|---|" + "---|" * (len(events) + 1))
    for step in SCORED:
        ours, theirs = (values((step, "crps"), side) for side in (0, 1))
        cells = [f"{a:.3f} / {b:.3f}" for a, b in zip(ours, theirs, strict=True)]
        print(f"| {step} | {' | '.join(cells)} | {np.nanmean(ours / theirs):.3f} |")
    for limit in THRESHOLDS:
        print(f"\n| step | {' | '.join(f'FSS {limit:g} mm/h, {w} px: ours / STEPS' for w in WINDOWS)} |")
        print("|---|" + "---|" * len(WINDOWS))
        for step in SCORED:
            cells = []
            for window in WINDOWS:
                ours, theirs = (np.nanmean(values((step, limit, window), side)) for side in (0, 1))
                cells.append(f"{ours:.3f} / {theirs:.3f}")
            print(f"| {step} | {' | '.join(cells)} |")


def blind_nowcasters(shared: Path) -> dict[str, Callable]:
    """Event -> the classical nowcaster, fitted on half of the usual lessons of the other events."""
    lessons = {name: event_lessons(shared / "radar" / f"{name}.npz", 0.5) for name in EVENTS}
    return {
        name: partial(nowcast, constants=fit([one for other, one in lessons.items() if other != name]))
        for name in EVENTS
    }


def main() -> None:
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("shared", nargs="?", type=Path, default=Path("../shared/data"))
    parser.add_argument("--events", default=",".join(EVENTS))
    parser.add_argument("--starts", type=int, default=3, help="1: the middle one.")
    parser.add_argument("--side", type=int, default=256)
    choice = parser.parse_args()
    models = blind_nowcasters(choice.shared)
    table({name: one_event(name, choice.shared, choice, models[name]) for name in choice.events.split(",")})


if __name__ == "__main__":
    main()
