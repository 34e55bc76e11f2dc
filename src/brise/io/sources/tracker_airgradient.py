"""AirGradient: the dashboard's export, and logs of a monitor's own `/measures/current` written as a table.

The dashboard gives raw and corrected values; the raw ones are read, the corrected kept as reported. The local answer's
fields have no units in their names; the maker's documents fix them.
"""

from brise.io.sources.tracker_dialect import DEVICE, SKIP, Dialect
from brise.io.sources.tracker_names import Meaning

LOCAL = {
    "pm01": Meaning("pm1", unit="ug/m3"),
    "pm02": Meaning("pm25", unit="ug/m3"),
    "pm10": Meaning("pm10", unit="ug/m3"),
    "pm02compensated": Meaning("reported_pm25_compensated", unit="ug/m3"),
    "rco2": Meaning("co2", unit="ppm"),
    "atmp": Meaning("temperature", 1.0, 273.15, "c"),
    "atmpcompensated": Meaning("reported_temperature_compensated", 1.0, 273.15, "c"),
    "rhum": Meaning("relative_humidity", 0.01, 0.0, "%"),
    "rhumcompensated": Meaning("reported_relative_humidity_compensated", 0.01, 0.0, "%"),
    "serialno": DEVICE,
    "sensor id": DEVICE,
    "tvoc avg (ppb)": Meaning("voc", unit="ppb"),
}
"""Fields of the local answer (arduino firmware, docs/local-server.md)."""

_SKIPPED = (
    "location id", "location name", "location group", "location type", "place open", "# of aggregated records",
    "wifi", "boot", "bootcount", "ledmode", "firmware", "model", "pm003count", "0.3um particle count",
    "pm0.3 particle count", "heat index (c)", "tvoc index", "nox index", "tvocindex", "noxindex", "tvocraw", "noxraw",
    "channel", "tvoc raw log(r)", "nox raw log(r)", *(f"measure{number}" for number in range(20)),
)  # fmt: skip


_DASHBOARD = {"# of aggregated records", "nox index", "tvoc index"}


def recognise(labels: set[str]) -> bool:
    """Whether the headings are the local answer's fields, or the dashboard's.

    >>> recognise({"timestamp", "pm02", "rco2", "atmp"}), recognise({"utc date/time", "# of aggregated records"})
    (True, True)
    """
    return len(labels & {"pm02", "rco2", "atmp", "rhum", "serialno"}) >= 2 or bool(labels & _DASHBOARD)


DIALECT = Dialect(
    name="airgradient",
    title="AirGradient export",
    recognise=recognise,
    exact=LOCAL | dict.fromkeys(_SKIPPED, SKIP),
    period_s=60,
    make="plantower",
)
