"""Forecasts at stations that models made beside each other, and how they did: small files, kept for days.

ROOT/DAY/HOUR.parquet    what each model said at every station for one init_time; written whole
ROOT/scores.json         a record a day, newest last; replaced in one step
"""

import shutil
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import orjson
import pandas as pd

from brise.conventions.errors import StoreError
from brise.io.cubes import replace_file, writing

SCORES_KEPT = 90


def write_forecasts(root: Path, init_time: datetime, frame: pd.DataFrame) -> Path:
    """Keep the forecasts of one init_time; made again, they replace the ones there.

    Raises:
        StoreError: The disk is full or fails.
    """
    moment = init_time.astimezone(UTC)
    path = root / f"{moment:%Y-%m-%d}" / f"{moment:%H}.parquet"
    with writing(root):
        path.parent.mkdir(exist_ok=True)
        draft = root / f".{path.parent.name}.{path.name}"
        frame.to_parquet(draft, index=False)
        replace_file(path, draft=draft)
    return path


def read_forecasts(root: Path, start: datetime, end: datetime) -> pd.DataFrame:
    """The forecasts made from `start` to `end`, both included; an empty frame where there are none.

    Raises:
        StoreError: The disk fails, or a file is damaged.
    """
    first, last = (moment.astimezone(UTC) for moment in (start, end))
    hours = int((last - first) / timedelta(hours=1)) + 1
    moments = (first + timedelta(hours=hour) for hour in range(max(hours, 0)))
    paths = (root / f"{moment:%Y-%m-%d}" / f"{moment:%H}.parquet" for moment in moments)
    try:
        found = [pd.read_parquet(path) for path in paths if path.is_file()]
    except (OSError, ValueError) as error:
        raise StoreError(f"station forecasts {root}: cannot be read: {error}") from error
    return pd.concat(found, ignore_index=True) if found else pd.DataFrame()


def prune_forecasts(root: Path, before: datetime) -> int:
    """Delete whole days before `before`; returns how many.

    Raises:
        StoreError: The disk fails.
    """
    oldest = f"{before.astimezone(UTC):%Y-%m-%d}"
    with writing(root):
        days = [path for path in root.glob("????-??-??") if path.name < oldest]
        for day in days:
            shutil.rmtree(day)
    return len(days)


def read_scores(root: Path) -> list[dict[str, Any]]:
    """The records, oldest first; none where there is no file, or where it is damaged: they are made anew daily."""
    try:
        found = orjson.loads((root / "scores.json").read_bytes())
    except FileNotFoundError:
        return []
    except ValueError:
        return []
    except OSError as error:
        raise StoreError(f"scores {root}: cannot be read: {error}") from error
    return [one for one in found if isinstance(one, dict)] if isinstance(found, list) else []


def add_score(root: Path, record: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Put a record behind the others; the newest SCORES_KEPT stay.

    Returns:
        All records, oldest first.

    Raises:
        StoreError: The disk is full or fails.
    """
    with writing(root):
        kept = [*read_scores(root), dict(record)][-SCORES_KEPT:]
        replace_file(root / "scores.json", orjson.dumps(kept, option=orjson.OPT_SERIALIZE_NUMPY))
    return kept
