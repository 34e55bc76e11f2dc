"""Accounts, trackers, choices, imports, export; and that nobody sees another's, by any route that there is."""

import csv
import io
import logging
import re
import time
import zipfile

import pytest

from brise.service.api import tracker_access

NOW = int(time.time())
FLOW = b'timestamp,"date (UTC)","NO2 (ppb)","pm25 (ug/m3)"\n' + b"".join(
    b'%d,"x",%d,%d\n' % (1_700_000_000 + 60 * place, place % 9, place % 7) for place in range(40)
)
MARK = "Zanzibar"
PLACE = 12.3456789


class Person:
    """An owner with one tracker, by the API alone."""

    def __init__(self, client, name: str, place: float = PLACE) -> None:
        self.client, self.name = client, name
        made = client.request("POST", "/v1/owners").json()
        self.id, self.token = made["id"], made["token"]
        about = {"name": name, "model": f"{name} model", "serial": f"{name}-1"}
        made = self.ask("POST", "/v1/trackers", json=about).json()
        self.tracker, self.key = made["id"], made["key"]
        rows = [{"time": NOW - ago, "pm25": 7.25, "latitude": place, "longitude": place} for ago in range(5)]
        assert self.ask(
            "POST", f"/v1/trackers/{self.tracker}/observations", self.key, json={"observations": rows}
        ).is_success
        where = f"/v1/trackers/{self.tracker}"
        assert self.ask("PUT", f"{where}/sharing", json={"periods": [{"start": "2020-01-01"}]}).is_success
        said = {"field": "mode", "start": "2020-01-01", "end": "2020-01-02", "value": "walk"}
        assert self.ask("PUT", f"{where}/labels", json={"labels": [said]}).is_success
        named = {"name": f"{name} home", "latitude": place, "longitude": place}
        assert self.ask("PUT", "/v1/owners/me/places", json={"places": [named]}).is_success
        brought = self.ask("POST", f"{where}/imports?name={name}.csv", content=FLOW)
        assert brought.json()["state"] == "done", brought.text
        self.brought = brought.json()["id"]

    def ask(self, method: str, url: str, key: str | None = None, **more):
        headers = {"Authorization": f"Bearer {key or self.token}"}
        return self.client.request(method, url, headers=headers | more.pop("headers", {}), **more)

    def get(self, url: str, **more):
        return self.ask("GET", url, **more)


@pytest.fixture(autouse=True)
def _no_limits(monkeypatch):
    """Limits are of the process; these tests ask more than one person would."""
    monkeypatch.setattr(
        tracker_access, "_LIMITER", tracker_access.FixedWindowRateLimiter(tracker_access.MemoryStorage())
    )


@pytest.fixture
def client(make_client):
    client = make_client()
    yield client
    client.app.state.store.close()


@pytest.fixture
def ann(client):
    return Person(client, MARK)


def test_an_account_is_a_token_and_nothing_else(ann):
    me = ann.get("/v1/owners/me").json()
    assert me["id"] == ann.id
    assert me["trackers"] == 1
    assert [one["prefix"] for one in me["tokens"]] == [ann.token.split("_")[1]]
    second = ann.ask("POST", "/v1/owners/me/tokens").json()["token"]
    assert ann.get("/v1/owners/me", key=second).json()["id"] == ann.id
    assert ann.ask("DELETE", f"/v1/owners/me/tokens/{ann.token.split('_')[1]}", second).status_code == 204
    assert ann.get("/v1/owners/me").status_code == 401
    assert ann.get("/v1/owners/me", key=second).status_code == 200


def test_a_tracker_can_be_renamed_placed_and_erased(ann):
    where = f"/v1/trackers/{ann.tracker}"
    changed = ann.ask("PATCH", where, json={"name": "Bag", "latitude": 51.5, "longitude": -0.1}).json()
    assert (changed["name"], changed["latitude"], changed["model"]) == ("Bag", 51.5, f"{MARK} model")
    assert ann.ask("PATCH", where, json={"latitude": 51.5}).status_code == 422
    assert ann.ask("PATCH", where, json={"name": "x\x00"}).status_code == 422
    assert ann.get(where).json()["samples"] == 45
    assert ann.ask("DELETE", where).json() == {"samples": 45}
    assert ann.get(where).status_code == 404
    assert ann.get("/v1/trackers").json() == {"trackers": []}


def test_samples_come_in_pages_with_their_units(ann):
    url = f"/v1/trackers/{ann.tracker}/observations"
    seen, after = [], ""
    while True:
        page = ann.get(f"{url}?limit=20{after}").json()
        seen += page["columns"]["time"]
        if page["next"] is None:
            break
        after = f"&after={page['next']}"
    assert len(seen) == len(set(seen)) == 45
    assert page["units"]["pm25"] == "µg/m³"
    part = ann.get(f"{url}?start=2023-11-14T22:13:20Z&end=2023-11-14T22:15:20Z").json()
    assert part["columns"]["time"] == ["2023-11-14T22:14:20Z", "2023-11-14T22:15:20Z"]
    rows = list(csv.DictReader(io.StringIO(ann.get(f"{url}?format=csv&limit=3").text)))
    assert len(rows) == 3
    assert "pm25 (ug m-3)" in rows[0]
    for wrong in ("limit=0", "limit=10001", "start=x", "format=xml", "limits=3"):
        assert ann.get(f"{url}?{wrong}").status_code == 422


def test_exposure_is_of_a_period_and_keeps_to_what_the_owner_said(ann):
    url = f"/v1/trackers/{ann.tracker}/exposure"
    there = "start=2023-11-14&end=2023-11-15&timezone=Europe/Paris"
    found = ann.get(f"{url}?{there}").json()
    assert found["measured_s"] == 40 * 60
    assert found["utc_offset_s"] == 3600
    assert found["words"]
    span = {"field": "surroundings", "start": "2023-11-14", "end": "2023-11-15", "value": "outdoors"}
    ann.ask("PUT", f"/v1/trackers/{ann.tracker}/labels", json={"labels": [span]})
    assert ann.get(f"{url}?{there}").json()["surroundings"] != found["surroundings"]
    assert ann.get(f"{url}?start=2001-01-01&end=2001-01-02").status_code == 404
    assert ann.get(f"{url}?timezone=Mars").status_code == 422


def test_a_period_can_be_erased(ann):
    url = f"/v1/trackers/{ann.tracker}/observations"
    assert ann.ask("DELETE", f"{url}?start=2023-11-14T22:13:20Z&end=2023-11-14T22:15:20Z").json() == {"samples": 2}
    assert ann.get(f"/v1/trackers/{ann.tracker}").json()["samples"] == 43
    assert ann.ask("DELETE", f"{url}?start=2023-11-15&end=2023-11-14").status_code == 422


def test_shared_periods_are_joined_and_checked(ann):
    url = f"/v1/trackers/{ann.tracker}/sharing"
    asked = [{"start": "2026-01-02", "end": "2026-01-04"}, {"start": "2026-01-01", "end": "2026-01-03"}]
    told = ann.ask("PUT", url, json={"periods": asked}).json()
    assert told == {"periods": [{"start": "2026-01-01T00:00:00Z", "end": "2026-01-04T00:00:00Z"}]}
    assert ann.ask("PUT", url, json={"periods": [{"start": "2026-01-02", "end": "2026-01-01"}]}).status_code == 422
    assert ann.get(url).json() == told
    assert ann.ask("PUT", url, json={"periods": []}).json() == {"periods": []}


def test_labels_are_words_that_are_known(ann):
    url = f"/v1/trackers/{ann.tracker}/labels"
    said = {"field": "surroundings", "start": "2026-01-01", "end": "2026-01-02", "value": "indoors"}
    assert ann.ask("PUT", url, json={"labels": [said]}).json()["labels"][0]["value"] == "indoors"
    for wrong in ({"value": "maybe"}, {"field": "mood"}, {"end": "2025-01-01"}):
        assert ann.ask("PUT", url, json={"labels": [said | wrong]}).status_code == 422
    assert ann.ask("PUT", url, json={"labels": [said, said]}).status_code == 422


def test_a_file_comes_whole_or_not_at_all(ann, tmp_path):
    url = f"/v1/trackers/{ann.tracker}/imports"
    report = ann.get(f"{url}/{ann.brought}").json()["report"]
    assert (report["read"], report["stored"]) == (40, 40)
    wrong = ann.ask("POST", f"{url}?name=a.csv", content=b"\x00junk")
    assert (wrong.status_code, wrong.json()["state"]) == (201, "failed")
    assert str(tmp_path) not in wrong.text
    assert ann.ask("POST", url, content=b"").status_code == 422
    assert ann.ask("POST", f"{url}?name=../../x", content=FLOW).status_code == 422
    assert ann.ask("POST", f"{url}?timezone=Mars", content=FLOW).status_code == 422
    assert ann.get(f"/v1/trackers/{ann.tracker}").json()["samples"] == 45
    assert list((tmp_path / "imports").iterdir()) == []
    assert len(ann.get(url).json()["imports"]) == 2


def test_a_file_without_end_is_cut_off(ann, tmp_path, monkeypatch):
    monkeypatch.setattr("brise.service.api.tracker_imports.MAX_FILE", 1_000_000)

    async def endless():
        while True:
            yield b"0" * 65_536

    reply = ann.ask("POST", f"/v1/trackers/{ann.tracker}/imports", content=endless())
    assert reply.status_code == 413
    assert "at most 1000000 bytes" in reply.json()["detail"]
    assert list((tmp_path / "imports").iterdir()) == []


def test_the_export_holds_everything_and_no_formula(ann):
    ann.ask("PATCH", f"/v1/trackers/{ann.tracker}", json={"name": "=cmd|' /C calc'!A0"})
    archive = zipfile.ZipFile(io.BytesIO(ann.get("/v1/owners/me/export").content))
    assert archive.testzip() is None
    (tracker,) = csv.DictReader(io.StringIO(archive.read("trackers.csv").decode()))
    assert tracker["name"] == "'=cmd|' /C calc'!A0"
    rows = list(csv.DictReader(io.StringIO(archive.read(f"{ann.tracker}/samples.csv").decode())))
    assert len(rows) == 45
    assert float(rows[-1]["latitude"]) == PLACE
    for kept in ("owner.json", f"{ann.tracker}/choices.json"):
        assert ann.token.split("_")[2] not in archive.read(kept).decode()
    assert f"{MARK} home" in archive.read("owner.json").decode()
    assert '"walk"' in archive.read(f"{ann.tracker}/choices.json").decode()


def test_accounts_are_limited_and_can_be_closed(client, make_client):
    replies = [client.request("POST", "/v1/owners").status_code for _ in range(21)]
    assert replies == [201] * 20 + [429]
    closed = make_client(open_accounts=False)
    assert closed.request("POST", "/v1/owners").status_code == 403


def test_keys_cannot_be_tried_without_end(ann):
    wrong = f"bo_000000000000_{40 * '0'}"
    statuses = [ann.get("/v1/owners/me", key=wrong).status_code for _ in range(62)]
    assert statuses == [401] * 60 + [429] * 2


# The matrix: every route of the description, by everybody who should not see what it has.

PUBLIC = re.compile(
    r"/v1/(air-quality|rain|stations|tiles|map|places|indices|status|fire|scores|weather|hotspots|crowd)|/health|/metrics"
)


def operations(client):
    for path, methods in client.app.openapi()["paths"].items():
        for method, about in methods.items():
            yield method.upper(), path, about


def test_every_route_is_public_or_in_the_matrix(client):
    for _, path, about in operations(client):
        guarded = any("owner" in one or "device" in one for one in about.get("security", []))
        assert guarded or PUBLIC.match(path) or path == "/v1/owners", f"{path}: who may ask it?"


BODIES = {
    "observations": {"observations": [{"time": NOW, "pm25": 66.0}]},
    "sharing": {"periods": []},
    "labels": {"labels": []},
    "places": {"places": []},
    "measures": {"pm02": 66.0},
    "push-sensor-data": {"sensordatavalues": [{"value_type": "P2", "value": "66"}]},
}


BOBS_END = {("DELETE", "/v1/owners/me")}


def text_of(reply) -> str:
    if reply.headers.get("content-type") != "application/zip":
        return reply.text + str(reply.headers)
    archive = zipfile.ZipFile(io.BytesIO(reply.content))
    return "".join(archive.read(name).decode() for name in archive.namelist())


def test_nothing_of_one_owner_appears_to_anybody_else(client):
    ann, bob = Person(client, MARK), Person(client, "Bike", 23.5)
    revoked = ann.ask("POST", "/v1/owners/me/tokens").json()["token"]
    ann.ask("DELETE", f"/v1/owners/me/tokens/{revoked.split('_')[1]}")
    theirs = {"tracker_id": ann.tracker, "import_id": ann.brought, "prefix": ann.token.split("_")[1]}
    theirs |= {"serial": f"{MARK}-1"}
    before = ann.get(f"/v1/trackers/{ann.tracker}/observations").json()
    secrets = [MARK, ann.id, ann.key, ann.token, str(PLACE)]
    asked = 0
    for who in (None, bob.token, bob.key, revoked, ann.token[:-1] + "x", ann.key):
        for method, path, about in operations(client):
            kinds = str(about.get("security", ""))
            if not kinds or (who == ann.key and "device" in kinds) or (method, path) in BOBS_END:
                continue
            tracker_access._LIMITER.storage.reset()
            url = re.sub(r"\{(\w+)\}", lambda match: theirs.get(match[1], "x"), path)
            url += "?start=2020-01-01&end=2030-01-01" if method == "DELETE" else ""
            body = next((one for name, one in BODIES.items() if name in path), {"name": "taken"})
            headers = {"Authorization": f"Bearer {who}"} if who else {}
            sent = {} if method in ("GET", "DELETE") else {"json": body}
            reply = client.request(method, url, headers=headers, **sent)
            asked += 1
            own = (who == bob.token and "owner" in kinds) or (who == bob.key and "device" in kinds)
            own = own and not set(re.findall(r"\{(\w+)\}", path)) & set(theirs)
            assert reply.status_code in ({200, 201} if own else {401, 404}), (method, path, who, reply.text)
            # what the asker has written into the path may come back
            told = text_of(reply).replace(theirs["serial"], "").replace(ann.tracker, "")
            assert not any(one in told for one in secrets), (method, path, who)
    assert asked > 100
    assert ann.get(f"/v1/trackers/{ann.tracker}/observations").json() == before
    assert ann.get(f"/v1/trackers/{ann.tracker}/sharing").json()["periods"] != []
    assert ann.get("/v1/owners/me/places").json()["places"] != []


def test_erasure_leaves_no_row_no_file_and_no_line(client, tmp_path, caplog):
    caplog.set_level(logging.DEBUG)
    ann, bob = Person(client, MARK), Person(client, "Bike")
    left = tmp_path / "imports" / f"{ann.tracker}-left-by-a-kill"
    left.mkdir(parents=True)
    (left / "user.csv").write_bytes(FLOW)
    files = [one for one in tmp_path.rglob("*") if one.is_file()]
    assert any(MARK.encode() in one.read_bytes() for one in files)
    assert ann.ask("DELETE", "/v1/owners/me").json() == {"samples": 45}
    marks = [MARK.encode(), ann.id.encode(), ann.tracker.encode(), ann.token.encode(), ann.key.encode()]
    for path in tmp_path.rglob("*"):
        assert ann.tracker not in path.name
        if path.is_file():
            assert not any(mark in path.read_bytes() for mark in marks), path
    said = "\n".join(record.getMessage() for record in caplog.records if record.name.startswith(("brise", "uvicorn")))
    for secret in (ann.token, ann.key, MARK, str(PLACE), "7.25", bob.token, bob.key):
        assert secret not in said
    assert ann.get("/v1/owners/me").status_code == 401
    assert bob.get(f"/v1/trackers/{bob.tracker}").json()["samples"] == 45
