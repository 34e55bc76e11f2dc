"""The `brise` command: a few lines over a function each."""

import json
import os
import signal
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.table import Table
from rich.text import Text

from brise.conventions.errors import BriseError, ConfigurationError, InputError, NotFoundError, StoreError
from brise.service.cli_fire import fire
from brise.service.cli_keys import export, key
from brise.service.cli_tracker import tracker
from brise.service.log import start_logging
from brise.service.settings import Settings, load_settings

# Our matrices are many and small: threads of a linear-algebra library would only wait for each other, and spinning ones
# starve the process beside us. Read by the libraries when they are loaded, which is after this line.
os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")

app = typer.Typer(
    name="brise",
    help="An open, self-hosted atmospheric data platform.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)
app.add_typer(fire)
app.add_typer(tracker)
app.add_typer(key)
app.command()(export)
PIPED_WIDTH = 200
out = Console(width=None if sys.stdout.isatty() else PIPED_WIDTH)

DataDir = Annotated[Path | None, typer.Option("--data", help="Data folder (default: live in BRISE_DATA_DIR).")]
DataThere = Annotated[
    Path | None,
    typer.Option("--data", help="Data folder (default: the only one in BRISE_DATA_DIR; of several, live)."),
]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON instead of a table.")]


def _settings(data: Path | None, mode: str = "live", **overrides: object) -> Settings:
    settings = load_settings(**overrides)
    folder = data or settings.data_dir / mode
    return settings.model_copy(update={"data_dir": folder})


def _there(data: Path | None, **overrides: object) -> Settings:
    """Settings of a data folder that exists: the one named, else the only one, else the live one."""
    settings = load_settings(**overrides)
    try:
        found = (*settings.data_dir.glob("*/brise.sqlite"), *settings.data_dir.glob("*/products"))
        made = {path.parent for path in found}
        folder = data or (made.pop() if len(made) == 1 else settings.data_dir / "live")
        there = folder.is_dir()
    except OSError as error:
        raise StoreError(f"data folder {data or settings.data_dir}: cannot be read: {error.strerror}") from None
    if not there:
        raise NotFoundError(f"no data folder {folder}; `brise up` or `brise ingest` makes one, --data names another")
    return settings.model_copy(update={"data_dir": folder})


def _time(text: str | None) -> datetime | None:
    if text is None:
        return None
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise InputError(f"{text!r} is not an ISO 8601 time such as 2023-02-01T00:00Z") from None
    return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)


def _print_json(value: Any) -> None:
    sys.stdout.write(json.dumps(value, indent=1, ensure_ascii=False, default=str) + "\n")


def _print_table(title: str, rows: list[dict[str, Any]]) -> None:
    table = Table(title=title, title_justify="left")
    for name in rows[0] if rows else ["nothing yet"]:
        table.add_column(name, overflow="fold")
    for row in rows:
        table.add_row(*(Text("" if v is None else str(v)) for v in row.values()))  # Text: brackets are no markup
    out.print(table)


@app.command()
def up(
    replay: Annotated[Path | None, typer.Option(help="Play a station-hour Parquet archive as if it were live.")] = None,
    at: Annotated[str | None, typer.Option(help="Where the replay starts (default: 30 days into the archive).")] = None,
    speed: Annotated[float, typer.Option(help="Replayed seconds in a second.", min=0.1, max=1e6)] = 1.0,
    withhold: Annotated[
        Path | None, typer.Option(help="Station ids, one a line, that the replay hides from the product.")
    ] = None,
    sources: Annotated[str, typer.Option(help="auto, simulated, or a comma list of sources.")] = "auto",
    host: Annotated[str | None, typer.Option(help="Address to listen on (default 127.0.0.1).")] = None,
    port: Annotated[int | None, typer.Option(help="Port to listen on (default 8080).")] = None,
    data: DataDir = None,
) -> None:
    """Start everything: the cycle (ingest, check, analyse, forecast) and the API."""
    from brise.service.jobs.up import Plan, run_up

    plan = Plan(sources=sources, replay=replay, at=_time(at), speed=speed, withhold=withhold)
    settings = load_settings(host=host, port=port)
    run_up(settings, plan, data)


@app.command()
def serve(
    host: Annotated[str | None, typer.Option(help="Address to listen on (default 127.0.0.1).")] = None,
    port: Annotated[int | None, typer.Option(help="Port to listen on (default 8080).")] = None,
    data: DataThere = None,
) -> None:
    """Start the API alone, over what a cycle elsewhere writes: one of any number of replicas."""
    from brise.service.jobs.up import run_api

    run_api(_there(data, host=host, port=port))


@fire.command()
def worker(
    workers: Annotated[int, typer.Option(help="How many, a process each.", min=1, max=64)] = 1,
    data: DataThere = None,
) -> None:
    """Run the fire simulations that the API was asked for, beside as many other workers as one likes."""
    from brise.service.jobs.fire_worker import run_workers

    run_workers(_there(data), workers)


@app.command()
def ingest(
    source: Annotated[str, typer.Argument(help="A source of `brise sources`.")],
    file: Annotated[list[Path] | None, typer.Option(help="Read this file instead of asking the provider.")] = None,
    files: Annotated[list[Path] | None, typer.Argument(help="More files, as a shell's * gives them.")] = None,
    start: Annotated[str | None, typer.Option("--from", help="Only rows at or after this time.")] = None,
    end: Annotated[str | None, typer.Option("--to", help="Only rows at or before this time.")] = None,
    data: DataDir = None,
    as_json: AsJson = False,
) -> None:
    """Fetch or read measurements, check them, and store them; a second run adds nothing."""
    from brise.service.jobs.ingest import ingest_files, open_tables, source_named

    settings = _settings(data)
    provider = source_named(source)
    paths = [*(file or []), *(files or [])]
    window = (_time(start), _time(end))
    with open_tables(settings) as tables:
        if paths:
            report = ingest_files(tables, provider, paths, window)
        else:
            from brise.service.jobs.fetch import ingest_once

            report = ingest_once(tables, provider, settings, window)
    if as_json:
        _print_json(report.as_dict())
    else:
        _print_table(f"ingest {source}", report.rows())


@app.command()
def sources(as_json: AsJson = False) -> None:
    """List the sources: what each gives, its licence, and whether it wants a key."""
    from brise.service.jobs.ingest import source_rows

    rows = source_rows(load_settings())
    _print_json(rows) if as_json else _print_table("sources", rows)


@app.command()
def stations(
    source: Annotated[str | None, typer.Option(help="Only this source.")] = None,
    limit: Annotated[int, typer.Option(min=1, max=100_000)] = 50,
    data: DataThere = None,
    as_json: AsJson = False,
) -> None:
    """List the stations in the store."""
    from brise.service.jobs.ingest import open_tables

    with open_tables(_there(data)) as tables:
        frame = tables.read_stations(source=source, limit=limit)
    columns = ["station_id", "name", "latitude", "longitude", "kind", "attribution"]
    rows = [dict(zip(columns, row, strict=True)) for row in frame[columns].itertuples(index=False)]
    _print_json(rows) if as_json else _print_table(f"{len(rows)} stations", rows)


@app.command(context_settings={"ignore_unknown_options": True})  # so that -0.12 is a number
def point(
    latitude: Annotated[float, typer.Argument(min=-90, max=90)],
    longitude: Annotated[float, typer.Argument(min=-180, max=180)],
    data: DataThere = None,
    as_json: AsJson = False,
) -> None:
    """Show the air at a place now, and how that is known."""
    from brise.service.jobs.inspect import point_answer, point_rows

    answer = point_answer(_there(data), latitude, longitude)
    _print_json(answer) if as_json else _print_table(f"air at {latitude}, {longitude}", point_rows(answer))


@app.command()
def status(data: DataThere = None, as_json: AsJson = False) -> None:
    """Sources, their freshness, the last runs, and what is published."""
    from brise.service.jobs.inspect import status_answer, status_rows

    answer = status_answer(_there(data))
    _print_json(answer) if as_json else _print_table("status", status_rows(answer))


@app.command()
def models(data: DataDir = None, as_json: AsJson = False) -> None:
    """List the models that there are, built in and trained, and which is champion and which challenger."""
    from brise.service.jobs.champion import model_rows, model_table, open_artifacts, shadow_folder, with_running

    settings = _settings(data)
    rows = with_running(model_rows(open_artifacts(settings)), shadow_folder(settings))
    _print_json(rows) if as_json else _print_table("models", model_table(rows))


@app.command()
def evaluate(
    archives: Annotated[list[Path], typer.Argument(help="Wide station-hour Parquet, one a city.")],
    model: Annotated[str, typer.Option(help="The challenger: any name that `brise models` shows.")] = "challenger",
    against: Annotated[str, typer.Option(help="What it would replace.")] = "champion",
    start: Annotated[str | None, typer.Option(help="First init_time (default: after both trainings).")] = None,
    end: Annotated[str | None, typer.Option(help="Last init_time (default: the archive's end).")] = None,
    every: Annotated[str, typer.Option(help="Between inits; 30h meets every hour of the day.")] = "30h",
    leads: Annotated[str, typer.Option(help="Hours, comma list.")] = "0,1,3,6,12,24,48",
    variables: Annotated[str | None, typer.Option(help="Comma list (default: every pollutant there).")] = None,
    withhold_folds: Annotated[int, typer.Option(help="Withhold stations in so many parts; 0 = none.", min=0)] = 4,
    unseen: Annotated[
        list[str] | None, typer.Option(help="A city to count as held out, by its archive's name.")
    ] = None,
    report: Annotated[Path | None, typer.Option(help="Write a page that explains it all, HTML.")] = None,
    data: DataDir = None,
    as_json: AsJson = False,
) -> None:
    """Compare two models on held-out stations, times and cities, and say whether one may replace the other."""
    from brise.service.jobs.champion import open_artifacts
    from brise.service.jobs.evaluate import evaluate as compare
    from brise.service.jobs.evaluate import plan_of, verdict_rows, write_page

    span = (_time(start), _time(end), every)
    plan = plan_of(archives, span, (leads, variables), withhold_folds, tuple(unseen or ()))
    found = compare(open_artifacts(_settings(data)), (model, against), plan)
    record = found.record()
    if report is not None:
        from brise.products.model_report import model_page

        write_page(report, model_page(record, found.pairs, found.stations))
    word = "may replace" if record["promote"] else "may not replace"
    title = f"{found.challenger.label} {word} {found.champion.label}"
    _print_json(record) if as_json else _print_table(title, verdict_rows(record))


@app.command()
def promote(
    name: Annotated[str, typer.Argument(help="Any name that `brise models` shows.")] = "challenger",
    archive: Annotated[list[Path] | None, typer.Option(help="Compare on these (default: the kept comparison).")] = None,
    unseen: Annotated[
        list[str] | None, typer.Option(help="A city to count as held out, by its archive's name.")
    ] = None,
    shadow: Annotated[bool, typer.Option("--shadow", help="Only make it the challenger: it runs unseen.")] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Say what the rule says; change nothing.")] = False,
    data: DataDir = None,
    as_json: AsJson = False,
) -> None:
    """Make a model the champion if it beats the one there is; status 1 if the rule says no."""
    from brise.service.jobs.champion import open_artifacts
    from brise.service.jobs.evaluate import Plan, verdict_rows
    from brise.service.jobs.promote import promote as by_the_rule
    from brise.service.jobs.promote import shadow as make_challenger

    store = open_artifacts(_settings(data))
    if shadow:
        names = make_challenger(store, name).names
        _print_json(names) if as_json else out.print(f"challenger is {names['challenger'][:12]}")
        return
    record = by_the_rule(store, name, Plan(tuple(archive or ()), unseen=tuple(unseen or ())), dry_run)
    word = "is champion now" if record["moved"] else "would be promoted" if record["promote"] else "is not promoted"
    _print_json(record) if as_json else _print_table(f"{record['challenger']['name']} {word}", verdict_rows(record))
    if not record["promote"]:
        raise typer.Exit(1)


@app.command()
def rollback(data: DataDir = None, as_json: AsJson = False) -> None:
    """Make the champion what it was before the last promotion."""
    from brise.service.jobs.champion import open_artifacts
    from brise.service.jobs.promote import rollback as go_back

    before, after = go_back(open_artifacts(_settings(data)))
    answer = {"before": before, "champion": after}
    _print_json(answer) if as_json else out.print(f"champion is {after[:12]}; it was {before[:12]}")


@app.command()
def train(
    config: Annotated[Path, typer.Argument(help="TOML, such as configs/anypoint.toml.")],
    archives: Annotated[Path, typer.Option(help="Folder of the station-hour Parquet files that it names.")],
    out_dir: Annotated[Path | None, typer.Option("--out", help="Experiment (default: DATA/experiments/NAME).")] = None,
    data: DataDir = None,
) -> None:
    """Train a model; it becomes the challenger. Called again, a training that was cut off goes on."""
    from brise.service.jobs.champion import open_artifacts
    from brise.service.jobs.train import read_config
    from brise.service.jobs.train import train as train_model

    settings, asked = _settings(data), read_config(config)
    folder = out_dir or settings.data_dir / "experiments" / asked.name
    digest = train_model(asked, archives, folder, open_artifacts(settings))
    rain = asked.family == "rain"
    told = (
        "nowcasts rain from the next start on" if rain else "is challenger; brise promote compares it with the champion"
    )
    out.print(f"{digest[:12]} ({asked.name}) {told}")


@app.command()
def hindcast(
    archive: Annotated[Path, typer.Argument(help="Wide station-hour Parquet.")],
    out_file: Annotated[Path, typer.Option("--out", help="Predictions, Parquet.")],
    start: Annotated[str | None, typer.Option(help="First init_time.")] = None,
    end: Annotated[str | None, typer.Option(help="Last init_time.")] = None,
    every: Annotated[str, typer.Option(help="Between inits, such as 6h.")] = "6h",
    inits: Annotated[Path | None, typer.Option(help="CSV with a column init_time, instead of start/end/every.")] = None,
    leads: Annotated[str, typer.Option(help="Hours, comma list.")] = "0,1,3,6,12,24,48",
    variables: Annotated[str | None, typer.Option(help="Comma list (default: every pollutant there).")] = None,
    withhold: Annotated[Path | None, typer.Option(help="Station ids, one a line: predicted, never read.")] = None,
    model: Annotated[str, typer.Option(help="A model of `brise models`.")] = "champion",
    data: DataDir = None,
) -> None:
    """Forecast the past as it would have been forecast then, for scoring."""
    from brise.service.jobs.champion import choose, open_artifacts
    from brise.service.jobs.hindcast import hindcast_command

    chosen = choose(open_artifacts(_settings(data)), model).model
    window = (_time(start), _time(end), every)
    choice = (leads, variables, withhold, model)
    rows = hindcast_command(archive, out_file, window=window, inits=inits, choice=choice, chosen=chosen)
    out.print(f"{rows} predictions in {out_file}")


@app.command()
def nowcast(
    files: Annotated[
        list[Path],
        typer.Argument(help="Radar files of any known kind (npz, ODIM, MRMS, GeoTIFF), a frame or more each."),
    ],
    out_file: Annotated[Path, typer.Option("--out", help="Rates, quantiles and chances, NumPy .npz.")],
    members: Annotated[int, typer.Option(help="Also write so many members.", min=0, max=200)] = 0,
    seed: Annotated[int, typer.Option(help="Of the members.", min=0)] = 0,
    data: DataDir = None,
) -> None:
    """Forecast rain two hours ahead from the newest frames; what was left out is told."""
    from brise.service.jobs.champion import open_artifacts
    from brise.service.jobs.rain_file import nowcast_files
    from brise.service.jobs.rain_model import open_nowcaster

    model, label = open_nowcaster(open_artifacts(_settings(data)))
    for note in nowcast_files(files, out_file, model, members, seed):
        sys.stderr.write(f"brise: {note}\n")
    out.print(f"rain to 120 minutes by {label} in {out_file}")


@app.command()
def challenge88(
    folder: Annotated[Path, typer.Argument(metavar="X_DIR", help="The challenge's x/*.npz, or the folder above.")],
    out_file: Annotated[Path, typer.Option("--out", help="Submission, CSV with ID and TARGET.")],
    data: DataDir = None,
) -> None:
    """Answer ENS challenge 88 (rain of the next 48 minutes); bad files are named and nothing is written half."""
    from brise.service.jobs.challenge88 import challenge88 as answer
    from brise.service.jobs.champion import open_artifacts
    from brise.service.jobs.rain_model import open_centre

    predict, label = open_centre(open_artifacts(_settings(data)))
    count = answer(folder, out_file, predict)
    out.print(f"{count} samples answered by {label} in {out_file}")


def main() -> None:
    """Entry point: bad input ends in one clear line and a non-zero status, never in a traceback."""
    start_logging()
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # as Ctrl-C: drafts and processes are cleared away
    try:
        app()
    except BriseError as error:
        sys.stderr.write(f"brise: {error}\n")
        sys.exit(2 if isinstance(error, InputError | NotFoundError | ConfigurationError) else 1)


if __name__ == "__main__":
    main()
