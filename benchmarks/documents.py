"""Documents generated from the code; `python -m benchmarks.documents` writes them, tests/test_docs.py compares."""

from collections.abc import Callable
from pathlib import Path

import typer.main
from typer.cli import get_docs_for_click

from brise.conventions.dimensions import CUBE_DIMENSIONS
from brise.conventions.observations import OBSERVATION_COLUMNS, STATION_COLUMNS
from brise.conventions.variables import VARIABLES
from brise.service.cli import app

PROJECT = Path(__file__).resolve().parents[1]


def command_reference() -> str:
    command = typer.main.get_command(app)
    text = get_docs_for_click(obj=command, ctx=typer.Context(command), name="brise", title="Commands")
    return text.strip() + "\n"


def data_model() -> str:
    rows = "\n".join(
        f"| `{v.name}` | {v.title} | `{v.cf_name}` | {v.unit} | {v.minimum:g} … {v.maximum:g} |"
        for v in VARIABLES.values()
    )
    observation, station = (
        "\n".join(f"| `{name}` | {kind} |" for name, kind in schema.items())
        for schema in (OBSERVATION_COLUMNS, STATION_COLUMNS)
    )
    return f"""# Data model

Generated from `src/brise/conventions` by `make docs`; a test fails when it is stale.

## Observation
One variable, one place, one averaging period. `time` is the **end** of the period, UTC. No value, no row.
`quality_flag` is QARTOD's: 1 pass, 2 not evaluated, 3 suspect, 4 fail. `received_at` is when we had it: nothing
computed for a "now" may read a row received later.

| column | type |
|---|---|
{observation}

## Station
`station_id` is `source:native_id`.

| column | type |
|---|---|
{station}

## Cube
An `xarray.Dataset` with CF attributes and dimensions from `{", ".join(CUBE_DIMENSIONS)}`, each optional, in this order.
Latitude runs north to south. NaN means unknown.

## Variables
| name | for people | CF standard name | unit | plausible range |
|---|---|---|---|---|
{rows}
"""


GENERATED: dict[str, Callable[[], str]] = {"docs/cli.md": command_reference, "docs/data-model.md": data_model}


if __name__ == "__main__":
    for name, write in GENERATED.items():
        (PROJECT / name).write_text(write())
