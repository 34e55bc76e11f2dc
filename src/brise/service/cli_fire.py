"""The `brise fire` commands: a few lines over a function each."""

import json
import os
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import typer
from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

from brise.conventions.errors import InputError

fire = typer.Typer(name="fire", help="How wildfires spread and behave.", no_args_is_help=True)


def _moment(text: str) -> np.datetime64:
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise InputError(f"{text!r} is not an ISO 8601 time such as 2025-03-23T14:00Z") from None
    try:
        moment = moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)
    except OverflowError:
        raise InputError(f"{text!r} is a time before the year 1 or after 9999") from None
    return np.datetime64(moment.replace(tzinfo=None), "s")


def _period(text: str) -> tuple[np.datetime64, np.datetime64]:
    opens, _, closes = text.partition("/")
    first, last = _moment(opens), _moment(closes)
    if not last > first:
        raise InputError(f"burn period {text!r} closes before it opens")
    return first, last


def _seen(paths: list[Path], times: list[str]) -> tuple[tuple[Path, np.datetime64 | None], ...]:
    if times and len(times) != len(paths):
        raise InputError(f"{len(paths)} --observed and {len(times)} --observed-at: one for each, or none")
    return (
        tuple((path, _moment(time)) for path, time in zip(paths, times, strict=True))
        if times
        else tuple((path, None) for path in paths)
    )


@fire.command()
def simulate(
    landscape: Annotated[Path, typer.Option(help="LCP, GeoTIFF stack, or a folder of layers.")],
    ignition: Annotated[
        str, typer.Option(help="LAT,LON, or GeoJSON, Shapefile, CSV, hotspots.", metavar="FILE|LAT,LON")
    ],
    weather: Annotated[Path, typer.Option(help="CSV, .wxs, or .wtr with .wnd.")],
    start: Annotated[str, typer.Option(help="ISO 8601; UTC where it names no zone.")],
    hours: Annotated[float, typer.Option(help="How long to simulate.")],
    out: Annotated[Path, typer.Option(help="Folder of the results, made if it is not there.")],
    moisture: Annotated[
        str | None, typer.Option(help="D1L1 to D4L4, or percents 1h,10h,100h,herb,woody (- is left to find out).")
    ] = None,
    dead_moisture: Annotated[
        str, typer.Option(help="How dead fuel follows temperature and humidity: nelson or fosberg.")
    ] = "nelson",
    fuel_models: Annotated[Path | None, typer.Option(help="Fuel models beside the built-in ones.")] = None,
    barrier: Annotated[Path | None, typer.Option(help="Shapes that fire does not cross.")] = None,
    length_to_width: Annotated[str, typer.Option(help="behave, flammap, elmfire or alexander.")] = "behave",
    wind_limit: Annotated[str, typer.Option(help="none, rothermel or andrews.")] = "none",
    crown: Annotated[str, typer.Option(help="finney, scott_reinhardt or none.")] = "finney",
    foliar_moisture: Annotated[float, typer.Option(help="Of the crowns, percent.")] = 100.0,
    rate_factor: Annotated[float, typer.Option(help="Multiplies every rate of spread.")] = 1.0,
    parts: Annotated[int, typer.Option(help="Cut cells in so many a side (1, 3, 5; 0 chooses).")] = 0,
    touched: Annotated[
        bool,
        typer.Option("--touched", help="A cell burns once fire touches a corner of it, as in FlamMap."),
    ] = False,
    embers: Annotated[float, typer.Option(help="Thrown by a cell whose crowns burn: spot fires; 0 is none.")] = 0.0,
    members: Annotated[int, typer.Option(help="Possible fires, for burn probability and quantiles.", min=0)] = 0,
    seed: Annotated[int, typer.Option(help="Of the members and of the calibration.", min=0)] = 0,
    observed: Annotated[
        list[Path] | None, typer.Option(help="Perimeter that was seen: rates and wind are fitted to it; repeatable.")
    ] = None,
    observed_at: Annotated[
        list[str] | None, typer.Option(help="When it was seen, one for each --observed; left out: the best time.")
    ] = None,
    burn_period: Annotated[
        list[str] | None, typer.Option(help="OPENS/CLOSES, ISO 8601: fire rests outside; repeatable.")
    ] = None,
    wind_height: Annotated[str, typer.Option(help="10m or 20ft, over what the weather file means.")] = "",
    row_minutes: Annotated[int, typer.Option(help="Of weather rows that all carry one time.", min=1)] = 60,
    utc_offset: Annotated[
        float, typer.Option(help="Of a weather file whose times name no zone, hours.", min=-14, max=14)
    ] = 0.0,
    grid_north: Annotated[
        bool, typer.Option("--grid-north", help="Wind directions are from the grid's north, as in FlamMap.")
    ] = False,
    whole_degrees: Annotated[
        bool, typer.Option("--whole-degrees", help="Round slopes to whole degrees, as FlamMap's landscape files do.")
    ] = False,
    slope_unit: Annotated[str, typer.Option(help="percent, degrees or fraction, over what the files say.")] = "",
    as_json: Annotated[bool, typer.Option("--json", help="Print the summary as JSON.")] = False,
) -> None:
    """Simulate a wildfire: arrival times, hourly perimeters, burn probability and a page of numbers."""
    from brise.io.sources.fire_landscape import LandscapeOptions
    from brise.io.sources.fire_weather import WeatherOptions
    from brise.products.fire_run import FireOptions
    from brise.service.jobs.fire import FireFiles, moisture_of, simulate_files

    at = _moment(start)
    options = FireOptions(
        start=at,
        hours=hours,
        moisture=moisture_of(moisture) if moisture else None,
        length_to_width=length_to_width,  # type: ignore[arg-type]  # checked by FireOptions
        wind_limit=wind_limit,  # type: ignore[arg-type]
        crown=crown,  # type: ignore[arg-type]
        dead_moisture=dead_moisture,  # type: ignore[arg-type]
        foliar_moisture=foliar_moisture / 100.0,
        rate_factor=rate_factor,
        parts=parts,
        touched=touched,
        grid_north=grid_north,
        embers=embers,
        members=members,
        seed=seed,
        burn_periods=tuple(_period(text) for text in burn_period or ()),
        workers=max(os.cpu_count() or 1, 1),
    )
    files = FireFiles(
        landscape=landscape,
        ignition=ignition,
        weather=weather,
        fuel_models=fuel_models,
        barrier=barrier,
        observed=_seen(observed or [], observed_at or []),
        landscape_options=LandscapeOptions(slope_unit=slope_unit, whole_degrees=whole_degrees),
        weather_options=WeatherOptions(
            row_minutes * 60, wind_height, datetime.fromisoformat(f"{at}+00:00"), utc_offset_h=utc_offset
        ),
    )
    with _bar() as bar:
        task = bar.add_task("fire", total=1.0)
        page = simulate_files(files, options, out, lambda share: bar.update(task, completed=share))
    if as_json:
        sys.stdout.write(json.dumps(page, indent=1, ensure_ascii=False) + "\n")
    else:
        _tell(page, out)


@fire.command()
def behaviour(
    table: Annotated[
        Path,
        typer.Argument(
            metavar="IN.csv",
            help="Columns fuel_model; moisture_1h, _10h, _100h, _herb, _woody (percent); midflame_wind_km_h; "
            "wind_to_deg (clockwise from upslope); slope_percent; and, if wished, wind_limit and length_to_width "
            "(formulas).",
        ),
    ],
    out: Annotated[Path, typer.Option(help="The same rows with the fire's behaviour, CSV.")],
    fuel_models: Annotated[Path | None, typer.Option(help="Fuel models beside the built-in ones.")] = None,
) -> None:
    """Rate of spread, direction, flames and intensity of every row of a table."""
    from brise.service.jobs.fire_behaviour import behaviour_table

    count = behaviour_table(table, out, fuel_models)
    sys.stdout.write(f"{count} rows in {out}\n")


def _bar() -> Progress:
    console = Console(stderr=True)
    columns = (TextColumn("{task.description}"), BarColumn(), TimeElapsedColumn())
    return Progress(*columns, console=console, transient=True, disable=not console.is_terminal)


def _tell(page: dict[str, Any], out: Path) -> None:
    for minutes, area in zip(page["minutes"], page["area_ha"], strict=True):
        sys.stdout.write(f"{minutes / 60:6.2f} h  {area:12.2f} ha\n")
    if "uncertainty" in page:
        low, high = page["uncertainty"]["area_ha_q10"][-1], page["uncertainty"]["area_ha_q90"][-1]
        sys.stdout.write(f"  of {page['uncertainty']['members']} possible fires, 80 % end at {low} to {high} ha\n")
    if "calibration" in page:
        told = page["calibration"]
        sys.stdout.write(
            f"  Jaccard index {told['jaccard_before']} before calibration, {told['jaccard_after']} after\n"
        )
    for line in page["warnings"]:
        sys.stderr.write(f"brise: {line}\n")
    sys.stdout.write(f"results in {out}\n")
