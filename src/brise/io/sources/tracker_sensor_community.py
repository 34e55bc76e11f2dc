"""Sensor.Community: archive files of one sensor, and the station's own `data.csv`, semicolons between fields.

P1 is PM10, P2 PM2.5, P0 PM1. The archive names two sensors of one station by two numbers but one `location`; that is
the device here.
"""

from brise.io.sources.tracker_dialect import DEVICE, SKIP, Dialect
from brise.io.sources.tracker_names import Meaning

_PM1, _PM25, _PM10 = (Meaning(name, unit="ug/m3") for name in ("pm1", "pm25", "pm10"))
_CELSIUS = Meaning("temperature", 1.0, 273.15, "c")
_PERCENT = Meaning("relative_humidity", 0.01, 0.0, "%")
_PASCAL = Meaning("pressure", 1.0, 0.0, "pa")

EXACT = {
    "p0": _PM1, "p1": _PM10, "p2": _PM25, "sds_p1": _PM10, "sds_p2": _PM25, "pms_p0": _PM1, "pms_p1": _PM10,
    "pms_p2": _PM25, "sps30_p0": _PM1, "sps30_p1": _PM10, "sps30_p2": _PM25, "hpm_p1": _PM10, "hpm_p2": _PM25,
    "temp": _CELSIUS, "temperature": _CELSIUS, "bme280_temperature": _CELSIUS, "humidity": _PERCENT,
    "bme280_humidity": _PERCENT, "pressure": _PASCAL, "bme280_pressure": _PASCAL, "bmp_pressure": _PASCAL,
    "location": DEVICE,
}  # fmt: skip

_SKIPPED = (
    "sensor_id", "sensor_type", "durp1", "durp2", "ratiop1", "ratiop2", "altitude", "pressure_sealevel", "samples",
    "min_cycle", "max_cycle", "signal", "bmp_temperature", "sps30_p4", "n05", "n1", "n25", "n4", "n10", "ts",
)  # fmt: skip


def recognise(labels: set[str]) -> bool:
    """Whether the headings are the archive's or the station's.

    >>> recognise({"sensor_id", "sensor_type", "location", "lat"}), recognise({"time", "durp1", "sds_p1"})
    (True, True)
    """
    return {"sensor_id", "sensor_type"} <= labels or bool(labels & {"sds_p1", "durp1", "sps30_p1", "pms_p1"})


DIALECT = Dialect(
    name="sensor_community",
    title="Sensor.Community file",
    recognise=recognise,
    exact=EXACT | dict.fromkeys(_SKIPPED, SKIP),
    period_s=150,
)
