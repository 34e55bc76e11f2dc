"""The simulated atmosphere against real stations: levels, cycles, memory, distance. Prints a Markdown table.

    python benchmarks/skill/nature_run.py [DATA]        DATA holds air/*.parquet; default $BRISE_DATA or ../shared/data

The simulated year is 2023 (another climate year than the real files), seed 0, with instrument noise and without faults.
"""

import os
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import pandas as pd

from brise.conventions.grids import distance_km
from brise.conventions.units import TEMPERATURE_25C, ppb_to_ugm3, pressure_at_altitude
from brise.io.sources.simulated import observations

FILES = {
    "beijing": ("beijing_2013_2017.parquet", "Asia/Shanghai", 44.0),
    "london": ("london_2020_2023.parquet", "Europe/London", 11.0),
    "mexico_city": ("mexico_city_2009_2016.parquet", "America/Mexico_City", 2240.0),
}
SPECIES = ("pm25", "pm10", "no", "no2", "o3", "so2", "co")
WEATHER = ("temperature", "relative_humidity", "wind_speed")


def real(path: Path, altitude_m: float) -> pd.DataFrame:
    """(station_id, time = END of the hour, latitude, longitude, one column a variable), storage units."""
    raw = pd.read_parquet(path)
    out = raw[["station_id"]].assign(
        latitude=raw["lat"], longitude=raw["lon"], time=raw["time_utc"] + pd.Timedelta("1h")
    )
    for name in SPECIES:
        if f"{name}_ugm3" in raw:
            out[name] = raw[f"{name}_ugm3"]
        elif f"{name}_ppb" in raw or f"{name}_ppm" in raw:
            ppb = raw[f"{name}_ppb"] if f"{name}_ppb" in raw else raw[f"{name}_ppm"] * 1e3
            out[name] = ppb_to_ugm3(ppb, name, TEMPERATURE_25C - 8.0, pressure_at_altitude(altitude_m))
    for column in ("temp_c", "temp_c_era5"):
        if column in raw:
            out["temperature"] = raw[column] + 273.15
    if "rh_pct" in raw:
        out["relative_humidity"] = raw["rh_pct"] / 100
    for column in ("wspd_ms", "wspd_ms_era5"):
        if column in raw:
            out["wind_speed"] = raw[column]
    return out


def simulated(city: str, days: int, step_days: int, seed: int = 0) -> pd.DataFrame:
    """The same columns for weeks of 2023, `days` long, every `step_days`."""
    frames = []
    for first in range(0, 365 - days, step_days):
        start = datetime(2023, 1, 1, tzinfo=UTC) + timedelta(days=first)
        batch = observations(start, start + timedelta(days=days), seed=seed, cities=(city,), faults=False)
        wide = batch.observations.pivot_table(
            index=["station_id", "time"], columns="variable", values="value", observed=True
        ).reset_index()
        frames.append(wide.merge(batch.stations[["station_id", "latitude", "longitude"]], on="station_id"))
    return pd.concat(frames, ignore_index=True)


def cycle(frame: pd.DataFrame, name: str, timezone: str, part: str) -> pd.Series:
    """Mean by local "hour", "month" or "day_of_week" of the hour's middle."""
    local = (frame["time"] - pd.Timedelta("30min")).dt.tz_convert(timezone)
    return frame.groupby(getattr(local.dt, part))[name].mean()


def memory(frame: pd.DataFrame, name: str, hours: int) -> float:
    """Median over stations of the autocorrelation."""
    wide = frame.pivot_table(index="time", columns="station_id", values=name, observed=True)
    later = wide.shift(hours, freq="h").reindex(wide.index)
    return float(wide.corrwith(later).median())


def nearness(frame: pd.DataFrame, name: str) -> list[float]:
    """Median correlation of station pairs 0-10, 10-25 and 25-60 km apart."""
    wide = frame.pivot_table(index="time", columns="station_id", values=name, observed=True)
    wide = wide.iloc[-24 * 500 :]
    place = frame.groupby("station_id", observed=True)[["latitude", "longitude"]].first().loc[wide.columns]
    i, j = np.triu_indices(len(place), 1)
    a, b = place.to_numpy()[i], place.to_numpy()[j]
    far = distance_km(a[:, 0], a[:, 1], b[:, 0], b[:, 1])
    pairs = wide.corr(min_periods=500).to_numpy()[i, j]
    bands = [pairs[(far >= low) & (far < high)] for low, high in ((0, 10), (10, 25), (25, 60))]
    return [float(np.nanmedian(band)) if np.isfinite(band).any() else np.nan for band in bands]


def row(city: str, name: str, measured: pd.DataFrame, made: pd.DataFrame) -> str:
    """One line of the table: measured / simulated."""
    timezone = FILES[city][1]
    cells = []
    for q in ("mean", 0.1, 0.5, 0.9):
        pair = [frame[name].mean() if q == "mean" else frame[name].quantile(q) for frame in (measured, made)]
        digits = 2 if name == "relative_humidity" else 0 if max(pair) > 30 else 1
        cells.append(" / ".join(f"{value:.{digits}f}" for value in pair))
    hour = np.corrcoef(*[cycle(frame, name, timezone, "hour") for frame in (measured, made)])[0, 1]
    month = np.corrcoef(*[cycle(frame, name, timezone, "month") for frame in (measured, made)])[0, 1]
    cells += [f"{hour:.2f}", f"{month:.2f}"]
    swing = [cycle(frame, name, timezone, "hour") for frame in (measured, made)]
    cells.append(" / ".join(f"{(s.max() - s.min()) / s.mean():.2f}" for s in swing))
    weeks = [cycle(frame, name, timezone, "day_of_week") for frame in (measured, made)]
    cells.append(" / ".join(f"{week[6] / week[1:4].mean():.2f}" for week in weeks))
    for hours in (1, 24):
        cells.append(f"{memory(measured, name, hours):.2f} / {memory(made, name, hours):.2f}")
    cells.append(
        ", ".join(f"{a:.2f} / {b:.2f}" for a, b in zip(nearness(measured, name), nearness(made, name), strict=True))
    )
    return f"| {city} | {name} | " + " | ".join(cells).replace("nan", "–") + " |"


def main() -> None:
    """Print the table."""
    arguments = sys.argv[1:]
    data = Path(arguments[0] if arguments else os.environ.get("BRISE_DATA", "../shared/data"))
    days, step = (int(arguments[1]), int(arguments[2])) if len(arguments) > 2 else (28, 28)
    heads = ["city", "variable", "mean", "10 %", "median", "90 %", "r hour", "r month"]
    heads += ["daily swing", "Sunday", "r 1 h", "r 24 h", "r at 0-10, 10-25, 25-60 km"]
    print("| " + " | ".join(heads) + " |")
    print("|" + "---|" * len(heads))
    for city, (file, _, altitude_m) in FILES.items():
        measured, made = real(data / "air" / file, altitude_m), simulated(city, days, step)
        for name in (*SPECIES, *WEATHER):
            if name in measured and name in made:
                print(row(city, name, measured, made), flush=True)


if __name__ == "__main__":
    main()
