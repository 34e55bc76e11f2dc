"""Everything of an owner as one zip, made as it is read: CSV for tables, JSON for what the owner has chosen."""

import csv
import io
import json
import zipfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pandas as pd

from brise.conventions.errors import StoreError
from brise.conventions.trackers import MEASURED, REPORTED, flag_names, suspect_bit
from brise.conventions.variables import VARIABLES
from brise.io.owners import Owner, Tracker
from brise.io.tables import Tables
from brise.models.sensor_correction import CORRECTED, Corrected

README = """What this server held of you, at the time of the export.

owner.json            your id, your tokens' prefixes, the places you named
trackers.csv          your trackers
<tracker>/samples.csv what it measured: time is the END of the period, UTC; units are in the headings
<tracker>/choices.json what you share, what you said of stretches of time, the files you brought
"""
_PUBLIC = [name for name in Tracker.__dataclass_fields__ if name != "key"]
_FIRST = ("time", "period_s", "latitude", "longitude", "accuracy_m", "speed_m_s", "altitude_m")
_FORMULA = ("=", "+", "-", "@", "\t", "\r")


class _Pipe(io.RawIOBase):
    """What a zip writes, to be taken away piece by piece."""

    def __init__(self) -> None:
        self._parts: list[bytes] = []

    def writable(self) -> bool:
        return True

    def write(self, data: Any) -> int:
        self._parts.append(bytes(data))
        return len(data)

    def take(self) -> bytes:
        taken, self._parts = b"".join(self._parts), []
        return taken


def safe_text(value: object) -> object:
    """Text that no spreadsheet takes for a formula.

    >>> safe_text("=1+1"), safe_text("Bag"), safe_text(-1.5)
    ("'=1+1", 'Bag', -1.5)
    """
    return f"'{value}" if isinstance(value, str) and value.startswith(_FORMULA) else value


DECIMALS = 3


def samples_csv(samples: pd.DataFrame, header: bool = True, corrected: Corrected | None = None) -> str:
    """A table of samples: every column always, units in the headings, flags in words.

    Args:
        samples: As `check_samples`.
        header: Whether to begin with the headings.
        corrected: Put at the end: value and uncertainty of all that is ever corrected.
    """
    reported = [name for name in samples.columns if str(name).startswith(REPORTED)]
    said = (
        {name.removeprefix(REPORTED): value for name, value in zip(reported, row, strict=True) if value == value}
        for row in samples[reported].itertuples(index=False, name=None)
    )  # NaN alone differs from itself
    table = samples.reindex(columns=[*_FIRST, *MEASURED]).assign(
        time=samples["time"].dt.strftime("%Y-%m-%dT%H:%M:%SZ"),
        flags=[flag_names(int(one)) for one in samples["flags"]],
        suspect=["|".join(name for name in MEASURED if int(one) & suspect_bit(name)) for one in samples["suspect"]],
        reported=[json.dumps(one, separators=(",", ":")) if one else "" for one in said],
    )
    units = {name: f"{name} ({VARIABLES[name].unit})" for name in MEASURED}
    for side, frame in (("corrected", corrected.values), ("uncertainty", corrected.uncertainty)) if corrected else ():
        beside = frame.reindex(columns=list(CORRECTED)).round(DECIMALS).add_suffix(f"_{side}")
        table = pd.concat([table, beside], axis=1)
    return str(table.rename(columns=units).to_csv(index=False, header=header, lineterminator="\n"))


def export_owner(tables: Tables, owner: Owner) -> Iterator[bytes]:
    """The bytes of the zip.

    Raises:
        StoreError: The database cannot serve now; what was sent is cut short.
    """
    pipe = _Pipe()
    trackers = tables.owners.trackers(owner.key)
    with zipfile.ZipFile(pipe, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("README.txt", README)
        tokens = [{"prefix": prefix, "created": created} for prefix, created in tables.owners.tokens(owner.key)]
        places = [one._asdict() for one in tables.choices.places(owner.key)]
        about = {"id": owner.id, "created": owner.created, "tokens": tokens, "places": places}
        archive.writestr("owner.json", json.dumps(about, indent=1, ensure_ascii=False))
        archive.writestr("trackers.csv", _trackers_csv(trackers))
        for tracker in trackers:
            archive.writestr(f"{tracker.id}/choices.json", _choices_json(tables, owner, tracker))
            with archive.open(f"{tracker.id}/samples.csv", "w", force_zip64=True) as file:
                for place, page in enumerate(tables.samples.pages(owner.key, tracker.key)):
                    file.write(samples_csv(page, header=place == 0).encode())
                    yield pipe.take()
    yield pipe.take()


def write_export(tables: Tables, owner: Owner, path: Path) -> int:
    """Write the zip, whole or not at all.

    Returns:
        Bytes.

    Raises:
        StoreError: The database or the disk cannot serve.
    """
    part = path.with_name(f".{path.name}.part")
    try:
        with part.open("wb") as file:
            for piece in export_owner(tables, owner):
                file.write(piece)
        part.replace(path)
    except OSError as error:
        raise StoreError(f"{path}: cannot be written: {error.strerror}") from None
    finally:
        part.unlink(missing_ok=True)
    return path.stat().st_size


def _trackers_csv(trackers: Sequence[Tracker]) -> str:
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(_PUBLIC)
    writer.writerows([safe_text(getattr(one, name)) for name in _PUBLIC] for one in trackers)
    return text.getvalue()


def _choices_json(tables: Tables, owner: Owner, tracker: Tracker) -> str:
    choices, mine = tables.choices, (owner.key, tracker.key)
    about = {
        "shared": [one._asdict() for one in choices.shared(*mine)],
        "labels": [one._asdict() for one in choices.labels(*mine)],
        "calibrations": [one.to_json() for one in tables.calibrations.found(*mine)],
        "imports": [one._asdict() for one in choices.imports(*mine)],
    }
    return json.dumps(about, indent=1, ensure_ascii=False)
