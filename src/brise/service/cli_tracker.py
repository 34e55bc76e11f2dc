"""The `brise tracker` commands: a few lines over a function each."""

import json
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any

import typer

from brise.conventions.errors import InputError

tracker = typer.Typer(
    name="tracker", help="Your own air tracker: import, exposure, live readings.", no_args_is_help=True
)

Files = Annotated[
    list[Path], typer.Argument(metavar="FILE...", help="CSV, GPX, ZIP or a folder of them, as the maker gave it.")
]
MappingFile = Annotated[Path | None, typer.Option(help="TOML that says what the columns are, for other tables.")]
Device = Annotated[str, typer.Option(help="Name of the device (default: as the files say).")]
Zone = Annotated[str, typer.Option("--timezone", help="Of times that state none, such as Europe/Paris.")]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON instead of a table.")]


@contextmanager
def _progress() -> Iterator[Callable[[str, int, int], None] | None]:
    """A bar on a terminal, nothing in a pipe; its library is loaded only where it is seen."""
    if not sys.stderr.isatty():
        yield None
        return
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        TextColumn("{task.percentage:>3.0f} %"),
        TimeElapsedColumn(),
    )
    with Progress(*columns, console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task("reading", total=1)
        yield lambda what, done, total: bar.update(task, description=what, completed=done, total=max(total, 1))


def _moment(text: str | None) -> datetime | None:
    if text is None:
        return None
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise InputError(f"{text!r} is not an ISO 8601 time such as 2026-05-01T00:00Z") from None
    return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)


def _print_json(value: Any) -> None:
    sys.stdout.write(json.dumps(value, indent=1, ensure_ascii=False, default=str) + "\n")


@tracker.command("import")
def import_(
    files: Files,
    local: Annotated[bool, typer.Option("--local", help="On this machine only: no network, no database.")] = False,
    out: Annotated[Path | None, typer.Option("--out", help="With --local: the table to write, CSV.")] = None,
    owner: Annotated[str, typer.Option(help="Whose trackers to store into: an id or a token.")] = "",
    mapping: MappingFile = None,
    device: Device = "",
    timezone: Zone = "UTC",
    data: Annotated[Path | None, typer.Option("--data", help="Data folder of the store (default: live).")] = None,
    as_json: AsJson = False,
) -> None:
    """Read what your tracker recorded: clean it, place it, correct it, and say what became of every line."""
    from brise.service.jobs.tracker_import import import_local, options_of

    if local == bool(owner):
        raise InputError("say either --local --out OUT.csv, or --owner ID (`brise key owner` makes one)")
    if local != (out is not None):
        raise InputError("--local and --out OUT.csv, the table to write, go together")
    options = options_of(mapping, device, timezone)
    with _progress() as told:
        if out is not None:
            report, where = import_local(files, out, options, told), f"written to {out}"
        else:
            from brise.service.jobs.ingest import open_tables
            from brise.service.jobs.tracker_store import import_to_store
            from brise.service.settings import load_settings

            settings = load_settings()
            settings = settings.model_copy(update={"data_dir": data or settings.data_dir / "live"})
            with open_tables(settings) as tables:
                report = import_to_store(tables, owner, files, options, told)
            where = "stored in " + ", ".join(found["tracker"] for found in report["devices"])
    if as_json:
        _print_json(report)
    else:
        from brise.service.jobs.tracker_report import report_lines

        sys.stdout.write("\n".join([*report_lines(report), where]) + "\n")


@tracker.command()
def exposure(
    files: Files,
    start: Annotated[str | None, typer.Option("--from", help="Only samples after this time.")] = None,
    end: Annotated[str | None, typer.Option("--to", help="Only samples up to this time.")] = None,
    city: Annotated[Path | None, typer.Option(help="Table of the city's air, hourly, to compare with.")] = None,
    place: Annotated[list[str] | None, typer.Option(metavar="LAT,LON,NAME", help="What a place is called.")] = None,
    was: Annotated[
        list[str] | None,
        typer.Option(metavar="FROM,TO,WORD", help="What a stretch of time was: walk, cycle, vehicle, indoors ..."),
    ] = None,
    mapping: MappingFile = None,
    device: Device = "",
    timezone: Zone = "UTC",
    as_json: AsJson = False,
) -> None:
    """Say what you breathed: means, dose, time in each band, by place, trip and mode; on this machine only."""
    from brise.service.jobs.tracker_exposure import exposure_lines, exposure_of_files
    from brise.service.jobs.tracker_import import options_of

    options = options_of(mapping, device, timezone)
    with _progress() as told:
        window = (_moment(start), _moment(end))
        found = exposure_of_files(files, options, window, (city, place or [], was or []), told)
    if as_json:
        _print_json(found)
    else:
        sys.stdout.write("\n".join(exposure_lines(found)) + "\n")


@tracker.command()
def calibrate(
    table: Annotated[Path, typer.Argument(help="CSV: time, raw[, sensor, rh (%), temperature (°C), reference].")],
    out: Annotated[Path, typer.Option(help="The same rows with corrected, q10, q90 and correction.")],
    make: Annotated[str, typer.Option(help="What counted: purpleair, or plantower for other laser counters.")] = (
        "plantower"
    ),
    json_: AsJson = False,
) -> None:
    """Correct PM2.5 of low-cost sensors, with 80 % intervals; by references where the table has enough of them."""
    from brise.service.jobs.tracker_calibrate import calibrate_file

    found = calibrate_file(table, out, make)
    if json_:
        _print_json(found)
        return
    sys.stdout.write(f"{found['rows']} rows of {found['sensors']} sensors, {found['calibrated']} with references\n")
    for name, count in found["corrections"].items():
        sys.stdout.write(f"{count:8} {name}\n")
