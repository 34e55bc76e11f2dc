"""Shadow forecasts on disk: an hour replaces itself, days go, damage is named."""

from datetime import UTC, datetime, timedelta

import pandas as pd
import pytest

from brise.conventions.errors import StoreError
from brise.io import station_forecasts
from brise.io.station_forecasts import add_score, prune_forecasts, read_forecasts, read_scores, write_forecasts

AT = datetime(2026, 3, 1, 22, tzinfo=UTC)
HOUR = timedelta(hours=1)


def frame(value):
    return pd.DataFrame({"station_id": ["a", "b"], "value": [value, value]})


def test_hours_are_kept_replaced_and_read_over_midnight(tmp_path):
    for hour in range(4):
        write_forecasts(tmp_path, AT + hour * HOUR, frame(float(hour)))
    path = write_forecasts(tmp_path, AT, frame(9.0))
    assert path == tmp_path / "2026-03-01" / "22.parquet"
    found = read_forecasts(tmp_path, AT, AT + 2 * HOUR)
    assert found["value"].tolist() == [9.0, 9.0, 1.0, 1.0, 2.0, 2.0]
    assert read_forecasts(tmp_path, AT - 9 * HOUR, AT - HOUR).empty
    assert read_forecasts(tmp_path, AT, AT - HOUR).empty
    assert prune_forecasts(tmp_path, AT + 3 * HOUR) == 1
    assert len(read_forecasts(tmp_path, AT, AT + 9 * HOUR)) == 4


def test_damage_is_named(tmp_path):
    write_forecasts(tmp_path, AT, frame(1.0)).write_text("no parquet")
    with pytest.raises(StoreError, match="cannot be read"):
        read_forecasts(tmp_path, AT, AT)
    (tmp_path / "file").write_text("")
    with pytest.raises(StoreError, match="cannot be written"):
        write_forecasts(tmp_path / "file" / "root", AT, frame(1.0))


def test_scores_gather(tmp_path, monkeypatch):
    assert read_scores(tmp_path) == []
    monkeypatch.setattr(station_forecasts, "SCORES_KEPT", 2)
    for day in range(3):
        kept = add_score(tmp_path, {"day": day})
    assert kept == read_scores(tmp_path) == [{"day": 1}, {"day": 2}]
    for text in ("{", "{}"):
        (tmp_path / "scores.json").write_text(text)
        assert read_scores(tmp_path) == []
    (tmp_path / "scores.json").unlink()
    (tmp_path / "scores.json").mkdir()
    with pytest.raises(StoreError, match=r"scores .* cannot be read"):
        read_scores(tmp_path)
