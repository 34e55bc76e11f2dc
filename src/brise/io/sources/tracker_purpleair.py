"""PurpleAir: the files on a sensor's memory card, and tables of its history.

Two counters, A and B, each with two outputs; the `cf_1` output is read, the mean of both counters where they agree.
Where they differ beyond what one device may (5 µg m-3 and 70 %), the mean is kept and flagged. Temperature and humidity
are those inside the housing, as the correction of particles wants them. The sensor hangs at one place and its files do
not say where; a track or a mapping file may.
"""

import numpy as np

from brise.conventions.trackers import SampleFlag
from brise.formulas.calibration import channels_agree
from brise.io.sources.tracker_dialect import DEVICE, EXTRA, SKIP, Array, Dialect
from brise.io.sources.tracker_names import Meaning

_FAHRENHEIT = Meaning("temperature", 5 / 9, 273.15 - 160 / 9, "f")
_PERCENT = Meaning("relative_humidity", 0.01, 0.0, "%")
_HECTOPASCAL = Meaning("pressure", 100.0, 0.0, "hpa")


def _channel(variable: str, channel: str) -> Meaning:
    return Meaning(f"{EXTRA}{variable}{channel}", unit="ug/m3")


EXACT = {
    "mac_address": DEVICE, "sensor_index": DEVICE,
    "current_temp_f": _FAHRENHEIT, "temperature_f": _FAHRENHEIT, "temperature": _FAHRENHEIT,
    "current_humidity": _PERCENT, "humidity_%": _PERCENT, "humidity": _PERCENT, "pressure": _HECTOPASCAL,
    "pm1_0_cf_1": _channel("pm1", "_a"), "pm2_5_cf_1": _channel("pm25", "_a"), "pm10_0_cf_1": _channel("pm10", "_a"),
    "pm1_0_cf_1_b": _channel("pm1", "_b"), "pm2_5_cf_1_b": _channel("pm25", "_b"),
    "pm10_0_cf_1_b": _channel("pm10", "_b"),
    "pm1.0_cf_1": _channel("pm1", ""), "pm2.5_cf_1": _channel("pm25", ""), "pm10.0_cf_1": _channel("pm10", ""),
    "pm1.0_cf_1_a": _channel("pm1", "_a"), "pm2.5_cf_1_a": _channel("pm25", "_a"),
    "pm10.0_cf_1_a": _channel("pm10", "_a"), "pm1.0_cf_1_b": _channel("pm1", "_b"),
    "pm2.5_cf_1_b": _channel("pm25", "_b"), "pm10.0_cf_1_b": _channel("pm10", "_b"),
    "pm1.0_cf1_ug/m3": _channel("pm1", "_a"), "pm2.5_cf1_ug/m3": _channel("pm25", "_a"),
    "pm10.0_cf1_ug/m3": _channel("pm10", "_a"),
}  # fmt: skip
"""Of the memory card, of the history tables (`pm2.5_cf_1_a`), and of the older ones (`PM2.5_CF1_ug/m3`)."""

_SKIPPED = (
    "firmware_ver", "hardware", "current_dewpoint_f", "adc", "mem", "rssi", "uptime", "gas", "entry_id",
    "uptimeminutes", "rssi_dbm", "pm2.5_atm_ug/m3", "pm1_0_atm", "pm2_5_atm", "pm10_0_atm", "pm1_0_atm_b",
    "pm2_5_atm_b", "pm10_0_atm_b", "pm2.5_aqi_cf_1", "pm2.5_aqi_atm", "pm2.5_aqi_cf_1_b", "pm2.5_aqi_atm_b",
    *(f"p_{size}_um{channel}" for size in ("0_3", "0_5", "1_0", "2_5", "5_0", "10_0") for channel in ("", "_b")),
    *(f"{size}_um_count{channel}" for size in ("0.3", "0.5", "1.0", "2.5", "5.0", "10.0")
      for channel in ("", "_a", "_b")),
    *(f"pm{size}_atm{channel}" for size in ("1.0", "2.5", "10.0") for channel in ("", "_a", "_b")),
)  # fmt: skip


def recognise(labels: set[str]) -> bool:
    """Whether any heading is the `cf_1` output of PM2.5.

    >>> recognise({"utcdatetime", "pm2_5_cf_1"}), recognise({"time_stamp", "pm2.5_cf_1_a"}), recognise({"pm2.5"})
    (True, True, False)
    """
    return bool(labels & {"pm2_5_cf_1", "pm2.5_cf_1", "pm2.5_cf_1_a", "pm2.5_cf1_ug/m3"})


def finish(columns: dict[str, Array]) -> dict[str, Array]:
    """The mean of both counters; flagged where they disagree."""
    out = {name: value for name, value in columns.items() if not name.startswith(EXTRA)}
    flags: Array | None = None
    for name in ("pm1", "pm25", "pm10"):
        a, b, mean = (columns.get(f"{EXTRA}{name}{channel}") for channel in ("_a", "_b", ""))
        if a is not None and b is not None:
            out[name] = np.where(np.isnan(a), b, np.where(np.isnan(b), a, (a + b) / 2))
            if name == "pm25":
                apart = np.isfinite(a) & np.isfinite(b) & ~channels_agree(a, b)
                flags = np.where(apart, float(SampleFlag.CHANNELS_DISAGREE), 0.0)
        else:
            single = a if a is not None else b if b is not None else mean
            if single is not None:
                out[name] = single
    return out if flags is None else out | {f"{EXTRA}flags": flags}


DIALECT = Dialect(
    name="purpleair",
    title="PurpleAir memory card or history",
    recognise=recognise,
    exact=EXACT | dict.fromkeys(_SKIPPED, SKIP),
    period_s=120,
    finish=finish,
    make="purpleair",
)
