"""Comparing models on archives, and the change of the champion that follows from it."""

import json
from dataclasses import replace
from datetime import UTC, datetime

import numpy as np
import pandas as pd
import pytest

from brise.conventions.errors import InputError, NotFoundError, StoreError
from brise.io.artifacts import Artifacts
from brise.models import runtime
from brise.models.promotion import KEY, Rule
from brise.models.registry import MODELS
from brise.products.model_report import model_page
from brise.service.jobs.champion import choose, model_rows, open_artifacts, reference_of, shipped_folder
from brise.service.jobs.evaluate import Plan, city_of, evaluate, folds_of, plan_of, verdict_rows, write_page
from brise.service.jobs.hindcast import read_archive
from brise.service.jobs.promote import promote, rollback, shadow
from brise.service.settings import Settings

RULE = Rule(block_days=1, least_blocks=3, draws=200)
NAMED = {"family": "wrapped", "title": "A built-in model in an artifact", "cities": ["Town"]}


@pytest.fixture
def store(tmp_path, monkeypatch):
    monkeypatch.setitem(
        runtime.FAMILIES, "wrapped", lambda files, threads: MODELS[json.loads(files["card.json"])["inner"]]
    )
    return Artifacts(tmp_path / "artifacts")


@pytest.fixture
def archives(archive, tmp_path):
    """The town of conftest, and the same under another name, as a city that nobody learnt from."""
    other = tmp_path / "village_2023.parquet"
    other.write_bytes(archive.read_bytes())
    return archive, other


def plan(*paths, **more):
    start, end = datetime(2023, 1, 15, tzinfo=UTC), datetime(2023, 1, 19, tzinfo=UTC)
    return replace(Plan(paths, start, end, "12h", (0, 6), ("pm25",), 2, ("village",), RULE), **more)


def wrapped(inner, **card):
    return {"card.json": json.dumps({**NAMED, "name": inner, "inner": inner, **card}).encode()}


def test_two_models_meet_on_the_same_keys(store, archives):
    found = evaluate(store, ("optimal_interpolation", "persistence"), plan(*archives))
    pairs = found.pairs
    assert set(pairs["split"]) == {"stations", "times", "city"}
    assert not pairs.duplicated(list(KEY)).any()
    counts = pairs.groupby(["city", "split", "lead_hours"]).size().to_dict()
    assert counts == {
        ("town", "times", 6): 9 * 4,
        ("town", "stations", 0): 9 * 4,
        ("town", "stations", 6): 9 * 4,
        ("village", "city", 0): 9 * 4,
        ("village", "city", 6): 9 * 4,
    }
    assert found.about["village"]["held_out"]
    assert not found.about["town"]["held_out"]
    kept = store.comparison("optimal_interpolation", "persistence")
    assert kept["promote"] == found.verdict.promote
    assert [row["demand"] for row in verdict_rows(kept)][:1] == ["answers at least 99 % of what the champion answers"]


def test_truth_is_what_the_archive_says(store, archives, archive):
    pairs = evaluate(store, ("idw", "persistence"), plan(*archives)).pairs
    frame = pd.read_parquet(archive).set_index(["station_id", "time_utc"])["pm25_ugm3"]
    some = pairs[(pairs["lead_hours"] == 6) & (pairs["split"] == "times")]
    valid = some["init_time"] + pd.Timedelta(hours=6)
    np.testing.assert_array_equal(
        some["truth"], frame.loc[list(zip(some["station_id"], valid, strict=True))].to_numpy(float)
    )
    newest = frame.loc[list(zip(some["station_id"], some["init_time"], strict=True))].to_numpy(float)
    np.testing.assert_array_equal(some["champion_value"], newest)  # persistence


def test_cards_say_what_is_held_out_and_when_training_ended(store, archives):
    digest = store.add(wrapped("idw", training={"Town": ["2023-01-01T00:00Z", "2023-01-10T00:00Z"]}))
    found = evaluate(store, (digest[:10], "persistence"), plan(*archives, start=None, end=None, unseen=()))
    assert found.about["town"]["first_init"] == "2023-01-12T00:00:00Z"  # a day after training
    assert found.about["village"]["held_out"]  # the card names Town alone
    assert found.about["village"]["first_init"] > "2023-01-15"  # the last quarter
    late = store.add(wrapped("nearest", training={"town": ["2023-01-01T00:00Z", "2023-01-18T00:00Z"]}))
    with_leak = evaluate(store, (late, "persistence"), plan(*archives, unseen=()))
    assert not with_leak.verdict.promote
    assert with_leak.verdict.reasons[-1].found == "training ended 2023-01-18T00:00:00"
    bad = store.add(wrapped("nearest", training={"town": "always"}))
    with pytest.raises(InputError, match=r"card.json: training in town is 'always'"):
        evaluate(store, (bad, "persistence"), plan(*archives))


def test_stations_that_no_training_saw_are_withheld_alone(store, archives):
    one = store.add(wrapped("idw", held_out_stations={"Town": ["N", "S", "elsewhere"]}))
    two = store.add(wrapped("nearest", held_out_stations={"town": ["S", "E"]}))
    found = evaluate(store, (one, two), plan(*archives, unseen=()))
    assert found.about["town"]["folds"] == [["S"]]
    pairs = found.pairs
    assert set(pairs[pairs["split"] == "stations"]["station_id"]) == {"S"}
    assert set(pairs[pairs["split"] == "city"]["station_id"]) == {"N", "S", "E", "W"}


def test_bad_questions_are_named(store, archives, tmp_path):
    for names, asked, message in (
        (("blend", "champion"), plan(*archives), "'blend' and 'champion' are the same model: blend"),
        (("idw", "blend"), plan(), "no archive to compare on"),
        (("idw", "blend"), plan(archives[0], archives[0]), "two archives of one city: town, town"),
        (("idw", "blend"), plan(*archives, folds=9), "9 folds of 4 stations"),
        (("idw", "blend"), plan(*archives, every="soon"), "town: --every 'soon'"),
        (("idw", "blend"), plan(*archives, folds=0, leads=(0,)), r"town: nothing to compare: leads \(0,\) and 0 folds"),
    ):
        with pytest.raises(InputError, match=message):
            evaluate(store, names, asked)
    with pytest.raises(NotFoundError, match=r"unknown model 'nope'; known are persistence, .*chronos_2, champion"):
        evaluate(store, ("nope", "blend"), plan(*archives))
    with pytest.raises(NotFoundError, match="no challenger is named"):
        evaluate(store, ("challenger", "blend"), plan(*archives))
    assert city_of(archives[0]) == "town"
    assert city_of(tmp_path / "2020.parquet") == "2020"


def test_folds_deal_every_station_once(archive):
    stations = read_archive(archive).station_id
    folds = folds_of(stations, 3)
    assert sorted(one for fold in folds for one in fold) == sorted(stations.tolist())
    assert folds == folds_of(stations, 3)


def test_the_page_opens_with_five_sentences_and_needs_nothing_else(store, archives, tmp_path):
    found = evaluate(store, ("optimal_interpolation", "persistence"), plan(*archives))
    page = model_page(found.record(), found.pairs, found.stations)
    lead = page[page.index("class=lead") : page.index("</section>")]
    assert lead.count("<p>") == 5
    assert "persistence" in lead
    assert "Town, Village" in lead
    assert "http" not in page.replace("http-equiv", "")
    assert "<script" not in page
    assert page.count("<svg") == 3 + 1 + 1 + 2  # skill by lead, reliability, coverage, maps
    assert page.count("<details") == 3
    write_page(tmp_path / "out.html", page)
    assert (tmp_path / "out.html").read_text("utf-8") == page
    with pytest.raises(StoreError, match="cannot write"):
        write_page(tmp_path / "absent" / "out.html", page)


def test_promotion_takes_the_alias_and_rollback_gives_it_back(store, archives):
    digest = store.add(wrapped("optimal_interpolation"))
    store.move({"champion": "climatology"}, "a weak one")
    assert shadow(store, digest).names["challenger"] == digest
    with pytest.raises(InputError, match="'challenger' was never compared with the champion climatology: `brise eval"):
        promote(store, "challenger")
    asked = plan(*archives, unseen=())
    would = promote(store, "challenger", asked, dry_run=True)
    assert would["promote"]
    assert not would["moved"]
    assert store.aliases().names == {"champion": "climatology", "challenger": digest}
    assert promote(store, "challenger")["moved"]  # by the comparison that was kept
    assert store.aliases().names == {"champion": digest}
    assert store.aliases().history[-2].why.startswith("promoted: skill in RMSE stations +")
    with pytest.raises(InputError, match="is the champion already"):
        promote(store, digest)
    with pytest.raises(InputError, match="is the champion already"):
        shadow(store, digest)
    assert rollback(store) == (digest, "climatology")
    assert rollback(store) == ("climatology", "blend")
    with pytest.raises(InputError, match="nothing to roll back to: blend is the champion"):
        rollback(store)


def test_a_loser_is_not_promoted(store, archives):
    loser = store.add(wrapped("climatology"))
    store.move({"champion": "optimal_interpolation"}, "a strong one")
    record = promote(store, loser, plan(*archives, unseen=()))
    assert not record["promote"]
    assert not record["moved"]
    assert reference_of(store, "champion") == "optimal_interpolation"
    assert any(not row["passed"] and "lower end" in row["demand"] for row in record["reasons"])


def test_rollback_never_goes_to_what_cannot_be_opened(store):
    digest = store.add(wrapped("idw"))
    store.move({"champion": digest}, "first")
    store.move({"champion": "persistence"}, "second")
    (store.root / digest / "card.json").write_text("{}")
    with pytest.raises(InputError, match="damaged or changed"):
        rollback(store)
    assert reference_of(store, "champion") == "persistence"


def test_models_are_listed_with_their_aliases(store, tmp_path):
    digest = store.add(wrapped("idw", metrics={"rmse_no2": 12.34567, "by_city": {}}, created="2026-11-23"))
    store.move({"challenger": digest}, "")
    rows = {row["digest"] or row["name"]: row for row in model_rows(store)}
    assert rows["blend"]["alias"] == "champion"
    assert rows[digest]["alias"] == "challenger"
    assert rows[digest]["metrics"] == "rmse_no2 12.35"
    assert rows[digest]["size"] == len(
        wrapped("idw", metrics={"rmse_no2": 12.34567, "by_city": {}}, created="2026-11-23")["card.json"]
    )
    found = choose(store, "challenger")
    assert (found.reference, found.label) == (digest, f"idw {digest[:12]}")
    assert choose(store, "champion").label == "blend"


def test_the_shipped_folder_is_a_setting(tmp_path):
    settings = Settings(data_dir=tmp_path, weights_dir=tmp_path / "weights")
    assert open_artifacts(settings) == Artifacts(tmp_path / "models" / "artifacts", tmp_path / "weights")
    found = shipped_folder()
    assert found is None or (found / "aliases.json").is_file()


def test_a_plan_from_the_command_line(archive):
    found = plan_of([archive], (None, None, "6h"), ("0,6", "pm25, no2"), 3)
    assert (found.leads, found.variables, found.folds, found.every) == ((0, 6), ("pm25", "no2"), 3, "6h")
    with pytest.raises(InputError, match="--leads"):
        plan_of([archive], (None, None, "6h"), ("x", None))
