"""`brise key`, `brise export`, `brise tracker bridge` and `brise tracker listen`: a few lines over a function each."""

import signal
import sys
import threading
from pathlib import Path
from typing import Annotated

import typer

from brise.conventions.errors import ConfigurationError, InputError, StoreError
from brise.service.cli_tracker import tracker
from brise.service.settings import Settings, load_settings

key = typer.Typer(name="key", help="Owners of trackers, and their keys.", no_args_is_help=True)
DataDir = Annotated[Path | None, typer.Option("--data", help="Data folder (default: live in BRISE_DATA_DIR).")]
OwnerId = Annotated[str, typer.Argument(help="Id of the owner, o….")]


def _settings(data: Path | None) -> Settings:
    settings = load_settings()
    return settings.model_copy(update={"data_dir": data or settings.data_dir / "live"})


def _say(line: str) -> None:
    sys.stdout.write(f"{line}\n")


@key.command("owner")
def make_owner(data: DataDir = None) -> None:
    """Make an owner; the token is shown this once."""
    from brise.service.jobs.ingest import open_tables

    with open_tables(_settings(data)) as tables:
        owner, token = tables.owners.create()
    _say(f"owner {owner.id}\ntoken {token}")


@key.command("tracker")
def make_tracker(
    owner: OwnerId,
    name: Annotated[str, typer.Option(help="What its owner calls it.")] = "",
    serial: Annotated[str | None, typer.Option(help="By which its firmware names itself.")] = None,
    data: DataDir = None,
) -> None:
    """Register a tracker of an owner; its key is shown this once."""
    from brise.service.jobs.ingest import open_tables

    with open_tables(_settings(data)) as tables:
        made, shown = tables.owners.register(tables.owners.by_id(owner).key, {"name": name, "serial": serial})
    _say(f"tracker {made.id}\nkey {shown}")


@key.command("erase")
def erase(
    owner: OwnerId,
    yes: Annotated[bool, typer.Option("--yes", help="Without this, nothing is erased.")] = False,
    data: DataDir = None,
) -> None:
    """Erase an owner with all trackers, samples and files; there is no way back."""
    from brise.service.jobs.erase import erase_owner
    from brise.service.jobs.ingest import open_tables

    if not yes:
        raise InputError(f"erasing {owner} cannot be undone; say --yes")
    settings = _settings(data)
    with open_tables(settings) as tables:
        count = erase_owner(tables, settings.data_dir, tables.owners.by_id(owner).key)
    _say(f"{owner} is erased, with {count} samples")


def export(
    owner: OwnerId,
    out: Annotated[Path, typer.Option("--out", help="The zip to write.")],
    data: DataDir = None,
) -> None:
    """Write everything of an owner into a zip of CSV and JSON."""
    from brise.service.jobs.export import write_export
    from brise.service.jobs.ingest import open_tables

    with open_tables(_settings(data)) as tables:
        size = write_export(tables, tables.owners.by_id(owner), out)
    _say(f"{size} bytes in {out}")


def _until_stopped() -> threading.Event:
    stop = threading.Event()
    for sign in (signal.SIGINT, signal.SIGTERM):
        signal.signal(sign, lambda *_: stop.set())
    return stop


@tracker.command("bridge")
def bridge(data: DataDir = None) -> None:
    """Store what trackers publish at the MQTT broker of BRISE_MQTT_URL, until Ctrl-C."""
    from brise.service.jobs.ingest import open_tables
    from brise.service.jobs.mqtt_bridge import broker_of, run_bridge

    settings = _settings(data)
    if settings.mqtt_url is None:
        raise ConfigurationError("BRISE_MQTT_URL is not set: mqtt://user:password@host:port")
    with open_tables(settings) as tables:
        run_bridge(tables, broker_of(settings.mqtt_url.get_secret_value()), settings.trusted_push, _until_stopped())


@tracker.command("listen")
def listen(
    server: Annotated[str | None, typer.Option(help="Push to this Brise, such as http://127.0.0.1:8080.")] = None,
    tracker_id: Annotated[str | None, typer.Option("--tracker", help="Id of the tracker there, t….")] = None,
    out: Annotated[Path | None, typer.Option("--out", help="Write to this CSV, on this machine alone.")] = None,
    address: Annotated[str | None, typer.Option(help="Of the device (default: the first that is heard).")] = None,
) -> None:
    """Listen to an Atmotube Pro by Bluetooth; push its readings, with BRISE_TRACKER_KEY, or write them to a CSV."""
    from brise.service.jobs.ble_gateway import csv_sink, run_gateway, server_sink

    if (server is None) == (out is None):
        raise InputError("say either --server URL --tracker ID, or --out FILE")
    if server is not None:
        secret = load_settings().tracker_key
        if tracker_id is None or secret is None:
            raise InputError("--server wants --tracker ID, and the tracker's key in BRISE_TRACKER_KEY")
        sink = server_sink(server, tracker_id, secret.get_secret_value())
    elif out is not None:
        sink = csv_sink(out)
    else:
        raise StoreError("nowhere to write")
    run_gateway(sink, address, _until_stopped())
