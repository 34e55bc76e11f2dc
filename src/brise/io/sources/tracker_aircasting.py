"""AirCasting (AirBeam): a session's table, in either of the two forms that its server mails.

Side by side: rows of headings (`Sensor_Package_Name`, `Sensor_Name`, `Measurement_Type`, `Measurement_Units`, each
followed by a row of its values) above `ObjectID,Session_Name,Timestamp,Latitude,Longitude,1:Measurement_Value,...`.
One below the other: for each stream the headings `sensor:model,sensor:package,sensor:capability,sensor:units`, their
values, `Timestamp,geo:lat,geo:long,Value` and its rows. Times are those of the session's place, without their zone.
"""

from collections.abc import Iterator
from itertools import pairwise

from brise.io.sources.tracker_dialect import SKIP, Dialect, Section, fields_of
from brise.io.sources.tracker_names import name_of, plain

_STREAM = b"sensor:model"
_MOST_PREAMBLE = 256 * 1024


def recognise(labels: set[str]) -> bool:
    """Whether the headings are those of either form.

    >>> recognise({"sensor:model", "sensor:package", "sensor:capability", "sensor:units"})
    True
    >>> recognise({"timestamp", "latitude", "longitude", "1:measurement_value"}), recognise({"timestamp", "value"})
    (True, False)
    """
    return "sensor:model" in labels or "1:measurement_value" in labels or "sensor_package_name" in labels


def heading(sensor: str, unit: str) -> str:
    """One heading of a sensor's name and unit, the device's part of the name left out.

    >>> heading("AirBeam2-PM2.5", "micrograms per cubic meter"), heading("AirBeam3-F", "degrees Fahrenheit")
    ('PM2.5 (micrograms per cubic meter)', 'temperature (degrees Fahrenheit)')
    >>> heading("AirBeam-RH", "percent"), heading("Phone Microphone", "decibels")
    ('RH (percent)', 'Phone Microphone (decibels)')
    """
    last = sensor.strip().rpartition("-")[2]
    if plain(last) in ("f", "c", "k"):
        last = "temperature"
    return f"{last if name_of(last) else sensor.strip()} ({unit.strip()})"


def split(stream: Iterator[bytes]) -> Iterator[Section]:
    """The tables of a file of either form."""
    first = next(stream, b"")
    head = first[:_MOST_PREAMBLE]
    if _STREAM in head.split(b"\n", 1)[0].lower():
        yield from _streams(first, stream)
    else:
        yield _side_by_side(first, stream)


def _side_by_side(first: bytes, stream: Iterator[bytes]) -> Section:
    """The table under rows of headings; a column's heading is made of its sensor's name and unit."""
    at, number = 0, 0
    rows: list[list[str]] = []
    while (end := first.find(b"\n", at)) >= 0 and number < 60:
        fields = fields_of(first[at:end].decode("utf-8", "replace").strip("\ufeff\r"), ",")
        rows.append(fields)
        at, number = end + 1, number + 1
        if any(plain(field) == "1:measurement_value" for field in fields):
            break
    told = {plain(next((f for f in row if f.strip()), "")): after for row, after in pairwise(rows)}
    sensors, units = told.get("sensor_name", []), told.get("measurement_units", [])
    known = min(len(sensors), len(units))
    labels = [
        heading(sensors[i], units[i]) if i < known and "measurement_value" in plain(label) else label
        for i, label in enumerate(rows[-1])
    ]

    def rest() -> Iterator[bytes]:
        yield first[at:]
        yield from stream

    return Section(labels, number, ",", rest())


def _streams(first: bytes, stream: Iterator[bytes]) -> Iterator[Section]:
    """One table for each stream, at the lines that begin with `sensor:model`; a table may end within a block."""
    lines = 0
    pending: list[bytes] = [first]

    def take() -> bytes | None:
        return pending.pop() if pending else next(stream, None)

    while (block := take()) is not None:
        start = block.lower().find(_STREAM)
        if start < 0:
            lines += block.count(b"\n")
            continue
        lines += block[:start].count(b"\n")
        head = block[start:].split(b"\n", 3)
        while len(head) < 4 and (more := take()) is not None:
            block = block + more
            head = block[start:].split(b"\n", 3)
        if len(head) < 4:
            return
        names, values, columns = (fields_of(line.decode("utf-8", "replace").strip("\r"), ",") for line in head[:3])
        about = dict(zip((plain(n) for n in names), values, strict=False))
        label = heading(about.get("sensor:model", ""), about.get("sensor:units", ""))
        labels = [label if plain(column) == "value" else column for column in columns]
        pending.append(head[3])
        lines += 3

        def rows() -> Iterator[bytes]:
            while (piece := take()) is not None:
                cut = piece.lower().find(_STREAM)
                if cut >= 0:
                    pending.append(piece[cut:])
                    yield piece[:cut]
                    return
                yield piece

        yield Section(labels, lines, ",", rows())


DIALECT = Dialect(
    name="aircasting",
    title="AirCasting session (AirBeam)",
    recognise=recognise,
    exact=dict.fromkeys(("objectid", "session_name"), SKIP),
    period_s=1,
    split=split,
    make="plantower",
)
