"""Sensor.Community: archive files of one sensor, and the station's own `data.csv`, semicolons between fields.

P1 is PM10, P2 PM2.5, P0 PM1. The archive names two sensors of one station by two numbers but one `location`; that is
the device here.
"""

import numpy as np

from brise.io.sources.tracker_dialect import DEVICE, EXTRA, SKIP, Array, Dialect
from brise.io.sources.tracker_names import Meaning

_MASS = ("ug/m3", 1.0, 0.0)
_SENSORS: dict[str, tuple[tuple[str, ...], tuple[str, float, float]]] = {
    "pm1": (("p0", "pms_p0", "sps30_p0"), _MASS),
    "pm25": (("p2", "sds_p2", "pms_p2", "sps30_p2", "hpm_p2"), _MASS),
    "pm10": (("p1", "sds_p1", "pms_p1", "sps30_p1", "hpm_p1"), _MASS),
    "temperature": (("temperature", "bme280_temperature", "temp", "bmp_temperature"), ("c", 1.0, 273.15)),
    "relative_humidity": (("humidity", "bme280_humidity"), ("%", 0.01, 0.0)),
    "pressure": (("pressure", "bme280_pressure", "bmp_pressure"), ("pa", 1.0, 0.0)),
}
"""Quantity -> headings of the sensors that a station may have for it, and their unit, scale and offset."""

EXACT = {
    heading: Meaning(f"{EXTRA}{name}:{heading}", scale, offset, unit)
    for name, (listed, (unit, scale, offset)) in _SENSORS.items()
    for heading in listed
} | {"location": DEVICE}

_SKIPPED = (
    "sensor_id", "sensor_type", "durp1", "durp2", "ratiop1", "ratiop2", "altitude", "pressure_sealevel", "samples",
    "min_cycle", "max_cycle", "signal", "sps30_p4", "n05", "n1", "n25", "n4", "n10", "ts",
)  # fmt: skip


def recognise(labels: set[str]) -> bool:
    """Whether the headings are the archive's or the station's.

    >>> recognise({"sensor_id", "sensor_type", "location", "lat"}), recognise({"time", "durp1", "sds_p1"})
    (True, True)
    """
    return {"sensor_id", "sensor_type"} <= labels or bool(labels & {"sds_p1", "durp1", "sps30_p1", "pms_p1"})


def finish(columns: dict[str, Array]) -> dict[str, Array]:
    """Of several sensors for one quantity, the first that measured; the others' columns are empty."""
    out = {name: value for name, value in columns.items() if not name.startswith(EXTRA)}
    for name, (listed, _) in _SENSORS.items():
        for heading in listed:
            value = columns.get(f"{EXTRA}{name}:{heading}")
            if value is not None:
                out[name] = np.where(np.isnan(out[name]), value, out[name]) if name in out else value
    return out


DIALECT = Dialect(
    name="sensor_community",
    title="Sensor.Community file",
    recognise=recognise,
    exact=EXACT | dict.fromkeys(_SKIPPED, SKIP),
    period_s=150,
    finish=finish,
)
