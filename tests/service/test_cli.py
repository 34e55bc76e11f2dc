"""The command line: answers as tables and JSON, and bad input in one line with a non-zero status."""

import json
import runpy
import sys
from datetime import UTC, datetime
from pathlib import Path

import pytest

from brise.io.runs import JobRun, SourceStatus
from brise.io.tables import Tables
from brise.service import cli


def run(monkeypatch, capsys, *arguments, status=0):
    monkeypatch.setattr("sys.argv", ["brise", *map(str, arguments)])
    with pytest.raises(SystemExit) as ended:
        cli.main()
    assert (ended.value.code or 0) == status
    return capsys.readouterr()


def test_sources_say_whether_a_key_is_wanted(monkeypatch, capsys):
    rows = {r["name"]: r for r in json.loads(run(monkeypatch, capsys, "sources", "--json").out)}
    assert rows["sensor_community"]["key"] == "none needed"
    assert rows["openaq"]["key"] == "BRISE_OPENAQ_KEY"
    assert all(row["licence"] for row in rows.values())


@pytest.fixture
def untrained(monkeypatch, tmp_path):
    """As if no model had come with the program: the blend is the champion."""
    monkeypatch.setenv("BRISE_WEIGHTS_DIR", str(tmp_path / "no weights"))


def test_models_are_listed(monkeypatch, capsys):
    names = [r["name"] for r in json.loads(run(monkeypatch, capsys, "models", "--json").out)]
    assert {"persistence", "optimal_interpolation", "blend"} <= set(names)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["ingest", "nasa", "--file", "x"], "unknown source 'nasa'"),
        (["ingest", "openaq", "--file", "/no/such/file"], "/no/such/file is not a file"),
        (["ingest", "openaq", "--from", "yesterday"], "'yesterday' is not an ISO 8601 time"),
        (["ingest", "airnow", "--file", "/no"], "is not a file"),
        (["up", "--at", "2023-01-01T00:00Z"], "belong to --replay"),
        (["up", "--replay", "/no/such.parquet"], "/no/such.parquet"),
        (["up", "--sources", "nasa"], "unknown source 'nasa'"),
        (["up", "--sources", "openaq"], "set BRISE_OPENAQ_KEY"),
        (["hindcast", "/no/such.parquet", "--out", "/tmp/x"], "--start"),
    ],
)
def test_bad_input_is_one_line_and_status_2(monkeypatch, capsys, tmp_path, arguments, message):
    monkeypatch.setenv("BRISE_DATA_DIR", str(tmp_path))
    monkeypatch.setenv("BRISE_PORT", "18099")
    heard = run(monkeypatch, capsys, *arguments, status=2)
    lines = [line for line in heard.err.splitlines() if line.startswith("brise: ")]
    assert len(lines) == 1
    assert message in lines[0]


def test_a_wrong_setting_is_named(monkeypatch, capsys):
    monkeypatch.setenv("BRISE_PORT", "eighty")
    assert "BRISE_PORT" in run(monkeypatch, capsys, "status", status=2).err


def test_status_and_point_of_an_empty_store(monkeypatch, capsys, tmp_path):
    status = json.loads(run(monkeypatch, capsys, "status", "--data", tmp_path, "--json").out)
    assert status["domains"] == []
    heard = run(monkeypatch, capsys, "point", "51.5", "0", "--data", tmp_path, status=1)
    assert "no run is published yet" in heard.err


def test_stations_of_an_empty_store(monkeypatch, capsys, tmp_path):
    assert json.loads(run(monkeypatch, capsys, "stations", "--data", tmp_path, "--json").out) == []


def test_a_command_that_reads_takes_the_only_data_folder_there_is(monkeypatch, capsys, tmp_path):
    monkeypatch.setenv("BRISE_DATA_DIR", str(tmp_path))
    heard = run(monkeypatch, capsys, "status", status=2)
    assert heard.err.strip().startswith(f"brise: no data folder {tmp_path}/live; ")
    (tmp_path / "simulated" / "products").mkdir(parents=True)
    assert "version" in run(monkeypatch, capsys, "status").out
    assert "no run is published yet" in run(monkeypatch, capsys, "point", "-51.5", "-0.12", status=1).err


def test_status_as_a_table_names_sources_jobs_and_notes(monkeypatch, capsys, tmp_path):
    when = datetime(2026, 11, 23, tzinfo=UTC)
    with Tables.open(f"sqlite:///{tmp_path}/brise.sqlite") as tables:
        tables.runs.record_source(SourceStatus("openaq", when, last_error="no answer [/b]"))
        tables.runs.record_run(JobRun("air_quality", when, "failed", when, message="no station"))
    text = run(monkeypatch, capsys, "status", "--data", tmp_path).out
    assert "source openaq" in text
    assert "no answer [/b]" in text
    assert "no station" in text
    (tmp_path / "brise.sqlite").unlink()
    (tmp_path / "brise.sqlite").mkdir()
    assert "cannot be opened" in run(monkeypatch, capsys, "status", "--data", tmp_path).out


@pytest.mark.parametrize(
    ("name", "value", "message"),
    [
        ("LOG_LEVEL", "LOUD", "BRISE_LOG_LEVEL: Input should be 'DEBUG', 'INFO'"),
        ("CORS_ORIGINS", "foo", "cors_origins"),
        ("DATABASE_URL", "mysql://me:secret@host/x", "BRISE_DATABASE_URL: Value error, must begin with sqlite:///"),
        ("AREA", "[5, 1, 2, 3]", "south < north"),
        ("DATA_DIR", "/proc/nope", "no data folder /proc/nope/live"),
    ],
)
def test_each_wrong_setting_is_one_line_without_secrets(monkeypatch, capsys, name, value, message):
    monkeypatch.setenv(f"BRISE_{name}", value)
    heard = run(monkeypatch, capsys, "status", status=2).err.strip()
    assert message in heard
    assert "\n" not in heard
    assert "secret" not in heard


@pytest.fixture
def town(tmp_path):
    """A small archive and a data folder."""
    make = runpy.run_path(str(Path(__file__).parent / "jobs" / "conftest.py"))["town"]
    path = tmp_path / "town_2023.parquet"
    make(24 * 14).to_parquet(path)
    return path, tmp_path / "data"


@pytest.mark.usefixtures("untrained")
def test_models_are_compared_promoted_and_rolled_back(monkeypatch, capsys, town, tmp_path):
    archive, data = town
    page = tmp_path / "page.html"
    asked = ["--model", "idw", "--every", "12h", "--leads", "0,6", "--variables", "pm25", "--withhold-folds", "2"]
    found = json.loads(
        run(monkeypatch, capsys, "evaluate", archive, *asked, "--report", page, "--data", data, "--json").out
    )
    assert found["champion"]["name"] == "blend"
    assert not found["promote"]  # no city is held out, and a week shows nothing
    assert page.read_text().startswith("<!doctype html>")
    text = run(monkeypatch, capsys, "evaluate", archive, *asked, "--unseen", "town", "--data", data).out
    assert "idw may not replace blend" in text
    heard = run(monkeypatch, capsys, "promote", "idw", "--data", data, status=1)  # the kept comparison
    assert "idw is not promoted" in heard.out
    assert "challenger is idw" in run(monkeypatch, capsys, "promote", "idw", "--shadow", "--data", data).out
    rows = json.loads(run(monkeypatch, capsys, "models", "--data", data, "--json").out)
    assert {row["name"]: row["alias"] for row in rows if row["alias"]} == {"blend": "champion", "idw": "challenger"}
    assert "nothing to roll back to" in run(monkeypatch, capsys, "rollback", "--data", data, status=2).err
    aliases = data / "models" / "artifacts" / "aliases.json"
    aliases.write_text(aliases.read_text().replace('"challenger": "idw"', '"champion": "idw"'))
    assert run(monkeypatch, capsys, "rollback", "--data", data).out == "champion is blend; it was idw\n"


@pytest.mark.usefixtures("untrained")
@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["evaluate", "/no/such.parquet", "--model", "idw"], "no file /no/such.parquet"),
        (["evaluate", "/no/such.parquet"], "no challenger is named"),
        (["evaluate", "/no/such.parquet", "--model", "blend"], "'blend' and 'champion' are the same model"),
        (["evaluate", "/no/such.parquet", "--model", "chronos_2"], "pip install 'chronos-forecasting"),
        (["promote", "nope"], "unknown model 'nope'"),
        (["promote", "idw"], "was never compared with the champion blend"),
        (["promote", "blend", "--shadow"], "'blend' is the champion already"),
        (["rollback"], "nothing to roll back to"),
        (["hindcast", "/no/such.parquet", "--model", "nope", "--out", "/tmp/x"], "unknown model 'nope'"),
    ],
)
def test_wrong_models_are_one_line(monkeypatch, capsys, tmp_path, arguments, message):
    monkeypatch.setitem(sys.modules, "chronos", None)
    heard = run(monkeypatch, capsys, *arguments, "--data", tmp_path / "data", status=2)
    lines = [line for line in heard.err.splitlines() if line.startswith("brise: ")]
    assert len(lines) == 1
    assert message in lines[0]
