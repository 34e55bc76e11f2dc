"""Values that their source forbids to pass on do not leave by the API, unless the server is told that it is private."""

from dataclasses import replace

import pytest

from brise.io.sources.registry import SOURCES

AT = "latitude=51.5&longitude=-0.1"
CURRENT = f"/v1/air-quality/current?{AT}"
OBSERVATIONS = "/v1/stations/simulated:1/observations"


@pytest.fixture
def restricted(tmp_path, town, monkeypatch):
    """A data folder whose station at AT belongs to a source with PurpleAir's terms."""
    terms = {"redistributable": False, "title": "Private", "terms_url": "https://terms.example"}
    monkeypatch.setitem(SOURCES, "simulated", replace(SOURCES["simulated"], **terms))
    town.publish(tmp_path)
    town.fill_tables(f"sqlite:///{tmp_path / 'brise.sqlite'}")
    town.stop_clock(tmp_path, town.init.replace(minute=30))


@pytest.mark.parametrize("query", ["", "?format=csv", "?variables=pm25&limit=1"])
def test_observations_are_refused_with_the_source_and_its_terms(restricted, make_client, query):
    reply = make_client().get(OBSERVATIONS + query)
    assert reply.status_code == 403
    assert reply.headers["content-type"] == "application/problem+json"
    assert reply.json()["detail"] == (
        "observations of 'simulated:1': the terms of simulated (Private) forbid passing on its values: "
        "https://terms.example"
    )


def test_the_station_stays_listed_and_other_sources_are_shown(restricted, make_client):
    client = make_client()
    assert client.get("/v1/stations/simulated:1").json()["properties"]["name"] == "Quay"
    assert len(client.get("/v1/stations").json()["features"]) == 2
    assert client.get("/v1/stations/openaq:7/observations").status_code == 200


def test_current_says_the_modelled_value_and_why(restricted, make_client):
    answer = make_client().get(CURRENT).json()
    assert (answer["measured"], answer["provenance"]["kind"]) == (None, "modelled")
    pm25 = answer["concentrations"]["pm25"]
    # of the run: 10 + cell / 10 + hour / 100, to a tenth
    assert (pm25["value"], pm25["kind"]) == (pytest.approx(15.74, abs=0.051), "modelled")
    note = answer["provenance"]["notes"][-1]
    assert note.startswith("the measurements of simulated:1, 65 m away, are not shown: the terms of simulated")
    assert note.endswith("https://terms.example")
    assert answer["provenance"]["stations"][0]["id"] == "simulated:1"  # it informs the map


def test_current_away_from_the_station_has_no_such_note(restricted, make_client):
    notes = make_client().get("/v1/air-quality/current?latitude=51.54&longitude=-0.1").json()["provenance"]["notes"]
    assert notes == ["made for tests"]


def test_a_private_server_shows_all(restricted, make_client):
    client = make_client(share_restricted=True)
    assert len(client.get(OBSERVATIONS).json()["observations"]) == 4
    answer = client.get(CURRENT).json()
    assert answer["concentrations"]["pm25"] == {"value": 23.5, "unit": "µg/m³", "q10": 20.9, "q90": 26.1} | {
        "kind": "measured"
    }
    assert answer["provenance"]["notes"] == ["made for tests"]


def test_a_station_further_off_speaks_where_the_nearer_one_may_not(tmp_path, restricted, make_client, town):
    stations = [
        {"station_id": name, "name": "", "latitude": latitude, "longitude": -0.1, "kind": "reference"}
        | {"source": name.split(":")[0], "attribution": "", "licence": "", "latest": {}}
        for name, latitude in (("simulated:9", 51.5001), ("openaq:7", 51.501))
    ]
    town.publish(tmp_path, stations=stations)
    town.store_value(f"sqlite:///{tmp_path / 'brise.sqlite'}", "openaq:7", 31.0)
    answer = make_client().get(CURRENT).json()
    assert answer["measured"]["station_id"] == "openaq:7"
    assert answer["concentrations"]["pm25"]["value"] == 31.0
    assert "simulated:9, 11 m away, are not shown" in answer["provenance"]["notes"][-1]


def test_the_description_declares_the_refusal(client):
    paths = client.get("/openapi.json").json()["paths"]
    declared = paths["/v1/stations/{station_id}/observations"]["get"]["responses"]["403"]
    assert "application/problem+json" in declared["content"]
