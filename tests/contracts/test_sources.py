"""What every source promises, checked over the registry."""

import gzip
import json
import random
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from brise.conventions.errors import DecodeError
from brise.conventions.observations import KINDS, check_observations, check_stations
from brise.io.sources.registry import SOURCES
from brise.io.sources.source import Source, Window

DATA = Path(__file__).parents[1] / "data" / "sources"
RECEIVED_AT = datetime(2024, 5, 1, 12, 20, tzinfo=UTC)
WINDOW = Window(RECEIVED_AT - timedelta(hours=6), RECEIVED_AT, (54.0, 10.0, 55.0, 11.0), ((54.1, 10.2), (54.2, 10.3)))
GENERATED = {"simulated"}
"""Made here, from no payload of anyone."""

READ = {name: source for name, source in SOURCES.items() if name not in GENERATED}
LIVE = {name: source for name, source in SOURCES.items() if source.requests is not None}
KEYED = {name: s for name, s in LIVE.items() if s.key_setting or s.optional_key_setting}
KEY = "k3y-that-must-not-show"


def payloads(source: Source) -> list[Path]:
    found = [p for p in sorted(DATA.glob(f"{source.name}_*")) if "error" not in p.name]
    assert found, f"no payload of {source.name} in {DATA}"
    return found


@pytest.mark.parametrize("source", SOURCES.values(), ids=SOURCES)
def test_terms_are_declared(source):
    assert SOURCES[source.name] is source
    for text in (source.title, source.licence, source.attribution):
        assert text.strip()
    assert source.terms_url.startswith("https://")
    assert source.kind in KINDS
    assert source.interval >= timedelta(minutes=1)
    assert source.latency >= timedelta(0)


def test_sources_whose_licence_forbids_redistribution_say_so():
    forbidden = {source.name for source in SOURCES.values() if "redistribution" in source.licence}
    assert (
        forbidden == {name for name, source in SOURCES.items() if not source.redistributable} == {"purpleair", "waqi"}
    )


@pytest.mark.parametrize("source", READ.values(), ids=READ)
def test_payloads_decode_and_every_row_is_accounted_for(source):
    stored = 0
    for path in payloads(source):
        batch = source.decode(path.read_bytes(), RECEIVED_AT)
        check_observations(batch.observations)
        check_stations(batch.stations)
        assert batch.read == len(batch.observations) + sum(batch.rejected.values()), path.name
        assert set(batch.observations["station_id"].astype(str)) == set(batch.stations["station_id"]), path.name
        assert str(batch.observations["time"].dt.tz) == "UTC"
        assert not batch.observations.duplicated(["station_id", "variable", "time", "period_s"]).any(), path.name
        assert (batch.stations["licence"] != "").all()
        assert (batch.stations["attribution"] != "").all()
        assert (batch.stations["source"] == source.name).all()
        if not source.forecast:
            late = batch.observations["time"] - batch.observations["received_at"]
            assert (late <= timedelta(minutes=1)).all(), path.name
        stored += len(batch.observations)
    assert stored > 0


@pytest.mark.parametrize("source", READ.values(), ids=READ)
def test_decoding_twice_is_the_same(source):
    body = payloads(source)[0].read_bytes()
    first, second = (source.decode(body, RECEIVED_AT) for _ in range(2))
    assert first.observations.equals(second.observations)
    assert first.stations.equals(second.stations)


@pytest.mark.parametrize("source", READ.values(), ids=READ)
def test_gzip_is_accepted_anywhere(source):
    for path in (p for p in payloads(source) if p.suffix != ".gz"):
        body = path.read_bytes()
        plain, pressed = source.decode(body, RECEIVED_AT), source.decode(gzip.compress(body), RECEIVED_AT)
        assert plain.observations.equals(pressed.observations)


@pytest.mark.parametrize("source", READ.values(), ids=READ)
def test_a_cut_payload_is_refused(source):
    for path in payloads(source):
        body = path.read_bytes()
        for cut in (len(body) // 3, len(body) - 4):
            with pytest.raises(DecodeError) as caught:
                source.decode(body[:cut], RECEIVED_AT)
            assert "\n" not in str(caught.value)
            assert len(str(caught.value)) < 400


@pytest.mark.parametrize(
    "body", [b"", b"  \n", b"<!DOCTYPE html><html>", b"\x00\xff\xfe\x01garbage", b"null", b"[1]", b"{}"]
)
@pytest.mark.parametrize("source", READ.values(), ids=READ)
def test_what_is_no_payload_is_refused(source, body):
    with pytest.raises(DecodeError) as caught:
        source.decode(body, RECEIVED_AT)
    assert str(caught.value).startswith(source.name)


def test_what_a_provider_calls_an_error_is_passed_on():
    said = {
        "purpleair_error.json": "purpleair: ApiKeyInvalidError: The key was not valid.",
        "waqi_error.json": "waqi: Invalid key",
        "open_meteo_error.json": "open_meteo: Minutely API request limit exceeded.",
    }
    for name, line in said.items():
        source = next(s for s in SOURCES.values() if name.startswith(s.name))
        with pytest.raises(DecodeError, match=line):
            source.decode((DATA / name).read_bytes(), RECEIVED_AT)
    with pytest.raises(DecodeError, match="airnow: Invalid API key"):
        SOURCES["airnow"].decode(b'[{"WebServiceError":[{"Message":"Invalid API key"}]}]', RECEIVED_AT)


@pytest.mark.parametrize("key", [None, KEY])
@pytest.mark.parametrize("source", LIVE.values(), ids=LIVE)
def test_requests_are_https_and_silent(source, key):
    asked = source.requests(WINDOW, key)
    assert asked
    for request in asked:
        assert request.url.startswith("https://")
        assert "?" not in request.url
        assert KEY not in repr(request)
        assert KEY not in request.url
    everywhere = source.requests(Window(WINDOW.start, WINDOW.end, points=WINDOW.points), key)
    assert everywhere


@pytest.mark.parametrize("source", KEYED.values(), ids=KEYED)
def test_a_source_that_takes_a_key_sends_it(source):
    (request, *_) = source.requests(WINDOW, KEY)
    assert KEY in {*request.params.values(), *request.headers.values()}


def mutated(value, rng, share):
    """The JSON value with some of its parts replaced by something else of JSON."""
    if rng.random() < share:
        return rng.choice([None, [], {}, "", "x", -1, 1e300, True, [None], {"a": 1}])
    if isinstance(value, dict):
        return {k: mutated(v, rng, share) for k, v in value.items() if rng.random() > share}
    if isinstance(value, list):
        return [mutated(v, rng, share) for v in value]
    return value


@pytest.mark.parametrize("source", READ.values(), ids=READ)
def test_no_json_makes_a_decoder_stumble(source):
    """Whatever the parts are, a payload is decoded or refused; nothing else ever comes out of a decoder."""
    rng = random.Random(7)
    for path in payloads(source):
        if path.suffix != ".json":
            continue
        body = json.loads(path.read_bytes())
        for round_ in range(45):
            payload = json.dumps(mutated(body, rng, (0.01, 0.05, 0.2)[round_ % 3])).encode()
            try:
                batch = source.decode(payload, RECEIVED_AT)
            except DecodeError:
                continue
            assert batch.read == len(batch.observations) + sum(batch.rejected.values())


@pytest.mark.parametrize("source", READ.values(), ids=READ)
def test_no_csv_makes_a_decoder_stumble(source):
    """Likewise for text whose separators, digits and signs come out wrong."""
    rng = random.Random(8)
    for path in payloads(source):
        if path.suffix != ".csv":
            continue
        body = path.read_text()
        for _ in range(60):
            places = {rng.randrange(len(body)) for _ in range(rng.choice((1, 5, 40)))}
            text = "".join(rng.choice(',;\n"-9x/: ') if i in places else c for i, c in enumerate(body))
            try:
                batch = source.decode(text.encode(), RECEIVED_AT)
            except DecodeError:
                continue
            assert batch.read == len(batch.observations) + sum(batch.rejected.values())
