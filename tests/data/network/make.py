"""A small synthetic network: daily cycle, weather-like common anomalies, local anomalies, noise, gaps."""

import numpy as np

from brise.conventions.observations import StationHours


def make_network(days: float = 40, stations: int = 8, seed: int = 1, variables: tuple[str, ...] = ("pm25", "no2")):
    """StationHours that ends at 2024-03-01T00:00, around 48.8 N 2.3 E."""
    rng = np.random.default_rng(seed)
    count = int(days * 24)
    time = np.datetime64("2024-03-01T00:00:00", "s") - np.arange(count)[::-1] * np.timedelta64(3600, "s")
    latitude, longitude = 48.8 + rng.uniform(-0.15, 0.15, stations), 2.3 + rng.uniform(-0.2, 0.2, stations)
    values = {}
    for number, name in enumerate(variables):
        common, local = np.zeros(count), np.zeros((count, stations))
        for t in range(1, count):
            common[t] = 0.97 * common[t - 1] + rng.normal(0, 0.1)
            local[t] = 0.8 * local[t - 1] + rng.normal(0, 0.05, stations)
        daily = 0.3 * np.sin(2 * np.pi * (np.arange(count) + 6 * number) / 24)
        root = 4 + daily[:, None] + common[:, None] + local + rng.normal(0, 0.2, stations)
        matrix = np.maximum(root, 0.1) ** 2 + rng.normal(0, 0.5, (count, stations))
        matrix[rng.random((count, stations)) < 0.03] = np.nan
        matrix[-1] = np.where(np.isnan(matrix[-1]), 16.0, matrix[-1])
        values[name] = matrix.astype(np.float32)
    names = np.array([f"test:{n}" for n in range(stations)])
    return StationHours(time, names, latitude, longitude, np.full(stations, np.nan), values)
