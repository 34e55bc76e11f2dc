"""Scores of published forecasts, a small table a domain: ROOT/DOMAIN/scores.parquet, replaced in one step."""

from datetime import datetime
from pathlib import Path

import pandas as pd

from brise.conventions.errors import StoreError
from brise.io.cubes import replace_file, writing

NAME = "scores.parquet"


def write_scores(root: Path, domain: str, frame: pd.DataFrame, start: datetime, end: datetime) -> None:
    """Keep a domain's scores of the forecasts for hours from `start` to `end`.

    Raises:
        StoreError: The disk is full or fails.
    """
    folder = root / domain
    with writing(folder):
        draft = folder / f".{NAME}"
        frame.assign(start=pd.Timestamp(start), end=pd.Timestamp(end)).to_parquet(draft, index=False)
        replace_file(folder / NAME, draft=draft)


def score_files(root: Path) -> dict[Path, int]:
    """Every domain's file and when it was last written, ns."""
    return {path: path.stat().st_mtime_ns for path in sorted(root.glob(f"*/{NAME}"))}


def read_scores(path: Path) -> pd.DataFrame:
    """A domain's scores.

    Raises:
        StoreError: The disk fails, or the file is damaged.
    """
    try:
        return pd.read_parquet(path)
    except (OSError, ValueError) as error:
        raise StoreError(f"scores {path}: cannot be read: {error}") from error
