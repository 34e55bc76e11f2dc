"""Atmotube PRO and PRO 2: the table that its app exports, one row a minute.

The app writes headings with units (`VOC (ppm)`, `VOC, ppm`) or, in some versions, names alone. The units of these are
then the ones of the app's first settings, and the report says so: °C, %, mbar, ppm of VOC, µg/m³.
"""

from brise.io.sources.tracker_dialect import SKIP, Dialect
from brise.io.sources.tracker_names import split_label

UNITS = {
    "voc": "ppm",
    "temperature": "c",
    "relative_humidity": "%",
    "pressure": "hpa",
    "pm1": "ug/m3",
    "pm25": "ug/m3",
    "pm10": "ug/m3",
    "co2": "ppm",
}


def recognise(labels: set[str]) -> bool:
    """Whether the headings are Atmotube's: a date and VOC, with its own score (AQS) or `Date (GMT)`.

    >>> recognise({"date (gmt)", "voc (ppm)", "pm2.5"}), recognise({"date", "aqs", "voc, ppm"}), recognise({"date"})
    (True, True, False)
    """
    names = {split_label(label)[0] for label in labels}
    voc = bool(names & {"voc", "tvoc"})
    return voc and "date" in names and ("aqs" in names or bool(labels & {"date (gmt)", "date gmt", "date, gmt"}))


DIALECT = Dialect(
    name="atmotube",
    title="Atmotube export",
    recognise=recognise,
    units=UNITS,
    exact=dict.fromkeys(("aqs", "air quality score", "mac", "name", "session"), SKIP),
)
