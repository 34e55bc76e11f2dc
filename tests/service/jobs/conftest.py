"""A small archive of our own making: four stations around a made-up town, three weeks, two pollutants."""

import numpy as np
import pandas as pd
import pytest

FIRST = pd.Timestamp("2023-01-01T00:00Z")
HOURS = 21 * 24


def town(hours=HOURS, seed=0):
    rng = np.random.default_rng(seed)
    time = FIRST + pd.to_timedelta(np.arange(hours), unit="h")
    day = 10 + 5 * np.sin(2 * np.pi * (time.hour - 6) / 24)
    weather = np.exp(np.cumsum(rng.normal(0, 0.08, hours)) * 0.5)
    frames = []
    for name, latitude, longitude, level in (("N", 10.1, 20.0, 1.0), ("S", 9.9, 20.0, 1.2), ("E", 10, 20.1, 0.9),
                                             ("W", 10, 19.9, 1.1)):  # fmt: skip
        noise = rng.lognormal(0, 0.1, (2, hours))
        frames.append(
            pd.DataFrame(
                {
                    "station_id": name,
                    "lat": latitude,
                    "lon": longitude,
                    "time_utc": time,
                    "pm25_ugm3": (level * day * weather * noise[0]).astype("float32"),
                    "no2_ugm3": (2 * level * day * noise[1]).astype("float32"),
                }
            )
        )
    return pd.concat(frames, ignore_index=True)


@pytest.fixture(scope="session")
def archive(tmp_path_factory):
    path = tmp_path_factory.mktemp("archive") / "town.parquet"
    town().to_parquet(path)
    return path
