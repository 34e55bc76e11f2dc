"""The city's air beside a tracker's: the platform's own analyses where it was worn."""

from collections.abc import Callable
from datetime import timedelta

import numpy as np
import pandas as pd

from brise.conventions.trackers import measured
from brise.io.analyses import read_analyses_at
from brise.products.personal_exposure import City
from brise.service.api.dependencies import PRODUCT, Store

HOUR = timedelta(hours=1)


def city_of(store: Store) -> Callable[[pd.DataFrame], City]:
    """What tells the city's hours beside samples."""
    return lambda samples: city_air(store, samples)


def city_air(store: Store, samples: pd.DataFrame) -> City:
    """Hourly means at the middle of where samples were taken; none where no analysis is kept.

    A simulated city's are told as such, and only where no measured one covers the place.

    Args:
        store: What is published.
        samples: Of one tracker, in order of time.
    """
    placed = samples[["latitude", "longitude"]].dropna()
    if placed.empty:
        return City()
    point = float(placed["latitude"].median()), float(placed["longitude"].median())
    snapshot = store.snapshot()
    domains = [one for one in (*snapshot.domains, *snapshot.ended) if one.grid.cell(*point) is not None]
    if not domains:
        return City()
    domain = min(domains, key=lambda one: bool(one.meta["simulated"]))
    first, last = (samples["time"].iloc[place].to_pydatetime() for place in (0, -1))
    kept = read_analyses_at(store.products, PRODUCT, domain.name, (first, last + HOUR), [point])
    end = kept["time"].to_numpy().astype("datetime64[s]").astype(np.int64)
    values = {name: kept[name].to_numpy()[:, 0] for name in measured(samples) if name in kept.data_vars}
    return City(end, values, bool(domain.meta["simulated"]))
