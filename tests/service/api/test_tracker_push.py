"""Pushing: what is stored, what is refused and how it is told, and who may."""

import base64
import json
import time
from types import SimpleNamespace

import pytest

NOW = int(time.time())
SERIAL = "84fce6070c80"
SENSOR_COMMUNITY = {
    "esp8266id": "1234567",
    "software_version": "NRZ-2020-133",
    "sensordatavalues": [
        {"value_type": "SDS_P1", "value": "12.30"},
        {"value_type": "SDS_P2", "value": "7.5"},
        {"value_type": "BME280_temperature", "value": "21.40"},
        {"value_type": "BME280_humidity", "value": "40.5"},
        {"value_type": "BME280_pressure", "value": "100325.5"},
        {"value_type": "samples", "value": "5012345"},
    ],
}
AIRGRADIENT = {
    "wifi": -46, "serialno": "84fce6070c80", "rco2": 447, "pm01": 3, "pm02": 7, "pm02Compensated": 5.5, "pm10": 8,
    "pm003Count": 442, "atmp": 25.87, "rhum": 43, "tvocIndex": 100, "tvocRaw": 33051, "noxIndex": 1, "noxRaw": 16307,
    "boot": 6, "model": "I-9PSL",
}  # fmt: skip


def bearer(key: str) -> dict:
    return {"Authorization": f"Bearer {key}"}


def make(client, **about) -> SimpleNamespace:
    tables = client.app.state.store.tables()
    owner, token = tables.owners.create()
    tracker, key = tables.owners.register(owner.key, about)
    return SimpleNamespace(
        client=client, tables=tables, token=token, key=key, id=tracker.id, mine=(owner.key, tracker.key)
    )


@pytest.fixture
def bag(client):
    bag = make(client, name="Bag", serial=SERIAL)
    yield bag
    bag.tables.owners.erase(bag.mine[0])


def push(bag, body, key=None, **more):
    headers = bearer(key or bag.key) | more.pop("headers", {})
    url = f"/v1/trackers/{more.pop('tracker', bag.id)}/observations"
    kind = {"content": body} if isinstance(body, bytes) else {"json": body}
    return bag.client.request("POST", url, headers=headers, **kind, **more)


def stored(bag):
    return bag.tables.samples.read(*bag.mine)


def test_a_batch_is_stored_before_it_is_answered_and_may_come_again(bag):
    rows = [
        {"time": NOW - 20, "pm25": 3.5, "no2": 10, "latitude": 51.5, "longitude": -0.1, "accuracy_m": 5},
        {"time": "2026-01-01T00:00:00+01:00", "temperature": 20, "relative_humidity": 40, "period_s": 1},
    ]
    body = {"observations": rows, "units": {"temperature": "c", "relative_humidity": "%", "no2": "ppb"}}
    for _ in range(2):
        reply = push(bag, body)
        assert reply.json() == {"stored": 2, "rejected": 0, "refusals": [], "unknown_fields": []}
    kept = stored(bag)
    assert str(kept["time"].iloc[0]) == "2025-12-31 23:00:00+00:00"
    assert kept["temperature"].tolist()[0] == pytest.approx(293.15)
    assert kept["relative_humidity"].tolist()[0] == pytest.approx(0.4)
    assert kept["no2"].tolist()[1] == pytest.approx(18.804, abs=1e-3)  # 10 ppb at 25 °C, 1013.25 hPa
    assert kept["accuracy_m"].tolist()[1] == 5.0


@pytest.mark.parametrize(
    ("row", "field", "reason"),
    [
        ({"time": NOW + 3600, "pm25": 1}, "time", "impossible_time"),
        ({"time": 0, "pm25": 1}, "time", "impossible_time"),
        ({"time": "yesterday", "pm25": 1}, "time", "impossible_time"),
        ({"pm25": 1}, "time", "impossible_time"),
        ({"time": NOW * 1000, "pm25": 1}, "time", "impossible_time"),
        ({"time": NOW, "pm25": -50}, "pm25", "out_of_range"),
        ({"time": NOW, "pm25": 1e300}, "pm25", "out_of_range"),
        ({"time": NOW, "pm25": "3"}, "pm25", "not_a_number"),
        ({"time": NOW, "pm25": True}, "pm25", "not_a_number"),
        ({"time": NOW, "pm25": [1]}, "pm25", "not_a_number"),
        ({"time": NOW, "pm25": 1, "latitude": 91, "longitude": 0}, "latitude", "out_of_range"),
        ({"time": NOW, "pm25": 1, "latitude": 1}, "", "half_a_place"),
        ({"time": NOW, "pm25": 1, "period_s": 0}, "period_s", "impossible_period"),
        ({"time": NOW, "pm25": 1, "period_s": "x"}, "period_s", "impossible_period"),
        ({"time": NOW}, "", "no_value"),
        ({"time": NOW, "pm25": None}, "", "no_value"),
        ([NOW, 1], "", "not_an_object"),
    ],
)
def test_a_wrong_row_is_named_and_the_others_are_kept(bag, row, field, reason):
    reply = push(bag, {"observations": [{"time": NOW - 9, "pm25": 1}, row]})
    assert reply.status_code == 200
    body = reply.json()
    assert (body["stored"], body["rejected"]) == (1, 1)
    assert body["refusals"] == [{"row": 1, "field": field, "reason": reason}]
    assert len(stored(bag)) == 1


def test_fields_that_nobody_knows_are_told_not_guessed(bag):
    body = push(bag, {"observations": [{"time": NOW, "pm25": 1, "mood": 3, "pm_2_5": 9}]}).json()
    assert body["unknown_fields"] == ["mood", "pm_2_5"]
    assert "pm_2_5" not in stored(bag).columns


@pytest.mark.parametrize(
    ("body", "status", "what"),
    [
        (b"{", 400, "not JSON"),
        (b'{"observations":[{"time":1,"pm25":NaN}]}', 400, "not JSON"),
        (b"\xff\xfe", 400, "not JSON"),
        (b"", 400, "not JSON"),
        ([], 422, "observations"),
        ({}, 422, "observations"),
        ({"observations": {}}, 422, "observations"),
        ({"observations": [{}] * 1001}, 422, "at most 1000"),
        ({"observations": [], "units": {"pm25": "furlong"}}, 422, "units.pm25"),
        ({"observations": [], "units": {"mood": "ppb"}}, 422, "units.mood"),
        ({"observations": [], "units": 3}, 422, "units"),
        ({"observations": [], "more": 3}, 422, "more"),
        (b'{"observations":[' + b"[" * 100_000, 400, "not JSON"),
        (json.dumps({"observations": [{"time": NOW, "pm25": 1}] * 1_000_000}).encode(), 413, "at most 262144 bytes"),
    ],
)
def test_a_push_that_is_none_is_a_problem(bag, body, status, what):
    reply = push(bag, body, headers={"content-type": "application/json"})
    assert reply.status_code == status, reply.text
    assert reply.headers["content-type"] == "application/problem+json"
    assert what in reply.json()["detail"]
    assert stored(bag).empty


def test_only_the_trackers_own_key_opens_it(bag):
    other = make(bag.client, name="Bike")
    body = {"observations": [{"time": NOW, "pm25": 1}]}
    for key in (other.key, bag.token, "bd_000000000000_" + 40 * "0", "x", ""):
        reply = push(bag, body, key=key or " ")
        assert reply.status_code == 401
        assert reply.headers["www-authenticate"] == "Bearer"
    assert push(other, body).status_code == 200
    assert stored(bag).empty


def test_a_key_that_was_changed_or_erased_opens_nothing_at_once(bag):
    body = {"observations": [{"time": NOW, "pm25": 1}]}
    assert push(bag, body).status_code == 200
    owner = bearer(bag.token)
    renewed = bag.client.request("POST", f"/v1/trackers/{bag.id}/key", headers=owner).json()["key"]
    assert push(bag, body).status_code == 401
    assert push(bag, body, key=renewed).status_code == 200
    # as another replica would do it, of which this one hears nothing
    bag.tables.owners.new_key(bag.mine[0], bag.id)
    assert push(bag, {"observations": [{"time": NOW - 1, "pm25": 1}]}, key=renewed).status_code == 401
    assert len(stored(bag)) == 1


def test_one_device_may_not_push_without_end(bag):
    door = bag.client.app.state.push_door
    body = {"observations": [{"time": NOW, "pm25": 1}]}
    assert push(bag, body).status_code == 200
    door.budget._counts[bag.mine[1]] = 600
    reply = push(bag, body)
    assert reply.status_code == 429
    assert "Retry-After" in reply.headers


def test_sensor_community_firmware(bag):
    basic = base64.b64encode(f"any:{bag.key}".encode()).decode()
    reply = bag.client.request(
        "POST",
        "/v1/push-sensor-data/",
        json=SENSOR_COMMUNITY,
        headers={"Authorization": f"Basic {basic}", "X-Sensor": "84fce6070c80", "X-PIN": "1"},
    )
    assert reply.json() | {"refusals": []} == {
        "stored": 1,
        "rejected": 0,
        "refusals": [],
        "unknown_fields": ["samples"],
    }
    (kept,) = stored(bag).to_dict("records")
    assert (kept["pm10"], kept["pm25"], kept["pressure"], kept["period_s"]) == (12.3, 7.5, 100325.5, 150)
    assert kept["temperature"] == pytest.approx(294.55)
    assert kept["relative_humidity"] == pytest.approx(0.405)
    other = bag.client.request(
        "POST", "/v1/push-sensor-data/", json=SENSOR_COMMUNITY, headers=bearer(bag.key) | {"X-Sensor": "esp8266-9"}
    )
    assert other.status_code == 401


def test_airgradient_firmware(bag):
    url = "/sensors/airgradient:84fce6070c80/measures"
    assert bag.client.request("POST", url, json=AIRGRADIENT).status_code == 401
    reply = bag.client.request("POST", url, json=AIRGRADIENT | {"rhum": 500}, headers=bearer(bag.key))
    assert reply.json()["refusals"] == [{"row": 0, "field": "relative_humidity", "reason": "out_of_range"}]
    (kept,) = stored(bag).to_dict("records")
    assert (kept["pm1"], kept["pm25"], kept["pm10"], kept["co2"]) == (3.0, 7.0, 8.0, 447.0)
    assert kept["reported_pm25_compensated"] == 5.5
    assert kept["reported_voc_index"] == 100.0


def test_where_the_network_is_trusted_a_registered_serial_is_enough(make_client):
    bag = make(make_client(trusted_push=True), serial="84fce6070c80", latitude=51.5, longitude=-0.1)
    ask = bag.client.request
    assert ask("POST", "/sensors/airgradient:84fce6070c80/measures", json=AIRGRADIENT).status_code == 200
    assert ask("POST", "/sensors/airgradient:unknown/measures", json=AIRGRADIENT).status_code == 401
    reply = ask("POST", "/v1/push-sensor-data/", json=SENSOR_COMMUNITY, headers={"X-Sensor": "84fce6070c80"})
    assert reply.status_code == 200
    assert ask("POST", "/v1/push-sensor-data/", json={}, headers={"X-Sensor": "84fce6070c80"}).status_code == 422
    assert stored(bag)["latitude"].tolist()[0] == 51.5  # where the device stands
    bag.tables.close()


def test_when_the_store_is_away_nothing_is_acknowledged(bag, monkeypatch):
    from brise.conventions.errors import StoreError

    body = {"observations": [{"time": NOW, "pm25": 1}]}
    assert push(bag, body).status_code == 200

    def away(_pushes):
        raise StoreError("store: write failed")

    monkeypatch.setattr(bag.tables.samples, "store_pushes", away)
    reply = push(bag, body)
    assert reply.status_code == 503
    assert "Retry-After" in reply.headers
    monkeypatch.undo()
    assert push(bag, body).status_code == 200


def test_too_much_waiting_is_refused(bag, monkeypatch):
    monkeypatch.setattr("brise.service.grouped.MAX_WAITING", 3)
    reply = push(bag, {"observations": [{"time": NOW - place, "pm25": 1} for place in range(4)]})
    assert reply.status_code == 503
    assert "send this again" in reply.json()["detail"]
    assert push(bag, {"observations": [{"time": NOW - place, "pm25": 1} for place in range(3)]}).status_code == 200
