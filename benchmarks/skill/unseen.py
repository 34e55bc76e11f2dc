"""Where the model never was: stations withheld, told from the others; and each city left out of a training.

    python -m benchmarks.skill.unseen [SHARED_DATA] [--folder DIR] [--part stations|cities] [--steps N]

On the keys of the frozen peers. Withheld stations are forecast from two thirds of their network, beside what
interpolating the other stations' own forecasts gives; nothing of them is read anywhere. A city is forecast by the
any-point model (one member, no trees) trained anew on the two others; its base learns from the city's own past.
"""

import argparse
import logging
import os
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path

import numpy as np
import pandas as pd
from benchmarks.skill.baselines import KEY, SETS, bootstrap, inits, reference

from brise.conventions.grids import unit_vectors
from brise.conventions.observations import StationHours
from brise.formulas.interpolation import nearest
from brise.io.experiments import Experiment, Manifest
from brise.models import anypoint_learning
from brise.models.lessons import folds
from brise.models.network import HOUR
from brise.models.registry import MODELS, Model
from brise.models.runtime import open_model
from brise.service.jobs.champion import choose, open_artifacts
from brise.service.jobs.hindcast import Question, predict, read_archive
from brise.service.jobs.train import Config, phase, read_config, read_networks
from brise.service.settings import load_settings

LEADS = (1, 3, 6, 12, 24, 48)


@dataclass(frozen=True)
class Inputs:
    """What the command line asks for."""

    config: Config
    archives: Path
    folder: Path
    steps: int


def learnt(inputs: Inputs, config: Config, name: str) -> Model:
    """One member trained on the networks of `config`; trained already, it is read back."""
    known, _ = read_networks(config, inputs.archives)
    manifest = Manifest((), "benchmark", config.recipe.seed)
    told = {"left_out": name, "steps": inputs.steps, "forecasts": config.forecasts}
    folder = inputs.folder / name
    kept = folder / "model.onnx"
    files = {"card.json": (b'{"family": "anypoint", "name": "unseen", "title": "unseen"}')}
    files["calibration.json"] = b'{"leads": [0], "edges_km": [], "factors": {}}'
    if not kept.is_file():
        recipe = replace(config.recipe, steps=inputs.steps)
        lessons = phase(config, known, "train_until")
        members, _ = anypoint_learning.learn(
            lessons, [], config.module, recipe, [Experiment(folder / "run", told, manifest)]
        )
        calibration = anypoint_learning.calibrate(members, lessons[:0])[0]
        kept.write_bytes(anypoint_learning.artifact(members, calibration, {}, asdict(manifest))["model.onnx"])
    return open_model(files | {"model.onnx": kept.read_bytes()}, 2)


def measured(hours: StationHours, keys: pd.DataFrame) -> np.ndarray:
    valid = keys["init_time"].dt.tz_localize(None).to_numpy("datetime64[s]") + HOUR * (keys["lead_hours"] + 1)
    row = ((valid.to_numpy("datetime64[s]") - hours.time[0]) // HOUR).astype(int)
    column, out = np.searchsorted(hours.station_id, keys["station_id"]), np.full(len(keys), np.nan)
    for name in keys["variable"].unique():
        use = (keys["variable"] == name).to_numpy() & (row < len(hours.time))
        out[use] = hours.values[name][row[use], column[use]]
    return out


def forecasts(hours: StationHours, keys: pd.DataFrame, model: Model, stations: Sequence[str]) -> pd.DataFrame:
    """Withheld stations told ahead: directly, and by interpolating what the same model tells at the others."""
    question = Question(inits(keys)[::2], LEADS, tuple(keys["variable"].unique()), frozenset(stations))
    told = pd.concat(predict(hours, question, model))
    hidden = told["station_id"].isin(stations)
    out = told[hidden].copy()
    where = pd.Series(range(len(hours.station_id)), hours.station_id)
    for name, part in told.groupby("variable"):
        wide = part[~part["station_id"].isin(stations)].pivot(
            index=["init_time", "lead_hours"], columns="station_id", values="value"
        )
        others, here = where[wide.columns].to_numpy(), where[list(stations)].to_numpy()
        places = unit_vectors(hours.latitude, hours.longitude)
        near, km = nearest(places[others], places[here], min(5, len(others)))
        for number, station in enumerate(stations):
            weight = 1 / np.maximum(km[number], 0.1) ** 2
            value = wide.to_numpy()[:, near[number]]
            known = np.isfinite(value)
            total = (known * weight).sum(axis=1)
            mean = (np.where(known, value, 0) * weight).sum(axis=1) / np.where(total > 0, total, np.nan)
            idw = pd.DataFrame({"init_time": wide.index.get_level_values(0), "value": mean, "nearest": value[:, 0]})
            idw["lead_hours"] = wide.index.get_level_values(1)
            mine = (out["station_id"] == station) & (out["variable"] == name)
            both = out.loc[mine, ["init_time", "lead_hours"]].merge(idw, how="left", on=["init_time", "lead_hours"])
            out.loc[mine, ["interpolated", "nearest"]] = both[["value", "nearest"]].to_numpy()
    return out


def beside(city: str, rows: pd.DataFrame, peers: Sequence[str]) -> dict[tuple[str, str], float]:
    """Prints one line per variable; returns the ratio to the best peer."""
    out = {}
    for name, of in rows.groupby("variable"):
        all_ = of.dropna(subset=["measured", "value", *peers])
        if all_.empty:
            continue
        rmse = {peer: float(np.sqrt(np.mean(np.square(all_[peer] - all_["measured"])))) for peer in ("value", *peers)}
        best = min(peers, key=lambda peer: rmse[peer])
        ratio, low, high = bootstrap(all_, best)
        listed = "  ".join(f"{peer} {rmse[peer]:6.2f}" for peer in peers)
        print(
            f"  {city:8} {name:5} n {len(all_):6}  ours {rmse['value']:6.2f} | {listed} | "
            f"x{ratio:.3f} [{low:.3f}, {high:.3f}] of {best}",
            flush=True,
        )
        out[city, str(name)] = ratio
    return out


def pooled(ratios: dict[tuple[str, str], float]) -> None:
    """Cities pooled: the geometric mean of their ratios, so that no city's unit or level speaks alone."""
    for name in sorted({key[1] for key in ratios}):
        of = [value for key, value in ratios.items() if key[1] == name]
        print(f"  pooled   {name:5} x{np.exp(np.mean(np.log(of))):.3f} of the best peer, worst city x{max(of):.3f}")


def by_stations(model: Model, shared: Path, count: int = 3) -> None:
    """Stations in `count` folds, each withheld in turn."""
    ahead: dict[str, pd.DataFrame] = {}
    for city, (archive, tag) in SETS.items():
        hours = read_archive(shared / "air" / f"{archive}.parquet")
        keys = reference(shared / "air" / "baselines" / f"map_{tag}__oi.parquet")
        asked = np.flatnonzero(np.isin(hours.station_id, keys["station_id"].unique()))
        fold, parts = folds(hours.stations(np.isin(np.arange(len(hours.station_id)), asked)), count), []
        for number in range(count):
            stations = hours.station_id[asked[fold == number]].tolist()
            direct = forecasts(hours, keys, model, stations)
            blend = forecasts(hours, keys, MODELS["blend"], stations)[[*KEY, "value"]]
            parts.append(direct.merge(blend.rename(columns={"value": "blend"}), how="left", on=KEY))
        ahead[city] = pd.concat(parts)
        ahead[city]["measured"] = measured(hours, ahead[city])
    print("forecasts at withheld stations, beside interpolating the forecasts of the others, and the blend carried")
    for lead in (*LEADS, "all"):
        print(f" lead {lead} h")
        ratios, inside = {}, []
        for city, rows in ahead.items():
            some = rows if lead == "all" else rows[rows["lead_hours"] == lead]
            ratios |= beside(city, some, ("nearest", "interpolated", "blend"))
            for name, of in some.dropna(subset=["measured"]).groupby("variable"):
                inside.append(f"{city} {name} {((of.measured >= of.q10) & (of.measured <= of.q90)).mean():.3f}")
        pooled(ratios)
        print("  inside 80 %: " + "  ".join(inside))


def by_cities(inputs: Inputs, shared: Path) -> None:
    """Each city left out of a training: its maps beside the peers', its forecasts beside the blend's."""
    for city, (archive, tag) in SETS.items():
        others = tuple(one for one in inputs.config.networks if one.archive != f"{archive}.parquet")
        model = learnt(inputs, replace(inputs.config, networks=others, members=1), f"without-{city}")
        hours = read_archive(shared / "air" / f"{archive}.parquet")
        print(f"{city}, which was in no training: forecasts, all leads")
        keys = reference(shared / "air" / "baselines" / f"{tag}__blend.parquet")
        leads = tuple(int(lead) for lead in np.unique(keys["lead_hours"]))
        question = Question(inits(keys), leads, tuple(keys["variable"].unique()))
        rows = keys.rename(columns={"value": "peers_blend"})[[*KEY, "peers_blend"]]
        for name, one in (("value", model), ("blend", MODELS["blend"])):
            part = pd.concat(predict(hours, question, one))[[*KEY, "value"]]
            rows = rows.merge(part.rename(columns={"value": name}), how="left", on=KEY)
        rows["measured"] = measured(hours, rows)
        beside(city, rows, ("peers_blend", "blend"))


def main() -> None:
    here = Path(os.environ.get("BRISE_DATA", Path(__file__).parents[3] / "shared" / "data"))
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", nargs="?", type=Path, default=here)
    parser.add_argument("--folder", type=Path, default=Path("data/benchmarks/unseen"))
    parser.add_argument("--part", choices=("stations", "cities", "both"), default="both")
    parser.add_argument("--forecasts", type=int, default=4000)
    parser.add_argument("--steps", type=int, default=1500)
    options = parser.parse_args()
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(name)s: %(message)s")
    logging.getLogger("brise.hindcast").setLevel(logging.WARNING)
    config = read_config(Path(__file__).parents[2] / "configs" / "anypoint.toml")
    recipe = replace(config.recipe, threads=1)
    config = replace(config, forecasts=options.forecasts, folds=2, recipe=recipe)
    inputs = Inputs(config, options.data / "air", options.folder, options.steps)
    if options.part != "cities":
        by_stations(choose(open_artifacts(load_settings()), "champion", 2).model, options.data)
    if options.part != "stations":
        by_cities(inputs, options.data)


if __name__ == "__main__":
    main()
