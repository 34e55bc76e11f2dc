"""The documented shapes of answers: what `/openapi.json` promises and the tests hold the server to."""

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

Status = Literal["ok", "unknown"]
Number = float | None
Text = str | None
INTERVAL = "The index were all concentrations at their 10 % quantile (q90: 90 %); without numbers, the band's position."


class Shape(BaseModel):
    """Every answer's base: nothing undocumented is sent."""

    model_config = ConfigDict(extra="forbid")


class ProblemEntry(Shape):
    """One wrong parameter."""

    parameter: str
    value: str
    limit: str


class Problem(Shape):
    """RFC 9457 problem document."""

    type: str
    title: str
    status: int
    detail: str
    errors: list[ProblemEntry] | None = None


class Cell(Shape):
    """The grid cell that answers for a point."""

    domain: str
    latitude: float
    longitude: float
    step_degrees: float


class StationUsed(Shape):
    """A station that informs the value."""

    id: str
    name: str
    kind: str
    source: str
    attribution: str
    licence: str
    distance_km: float
    measured_at: Text
    age_minutes: int | None
    variables: list[str]


class NewestInput(Shape):
    """The newest measurement used."""

    time: str
    age_minutes: int


class Provenance(Shape):
    """Where a value comes from. Ages are at `answered_at`."""

    kind: Literal["measured", "modelled"]
    simulated: Annotated[bool, Field(description="True: made by the simulated atmosphere, not measured anywhere.")]
    model: str
    background: Text
    domain: str
    stations: list[StationUsed]
    newest_input: NewestInput | None
    notes: list[str]
    answered_at: str


class Place(Shape):
    """What every point's answer starts with."""

    latitude: float
    longitude: float
    status: Status
    reason: Annotated[Text, Field(description="Why it is unknown.")]
    cell: Cell | None


class Value(Shape):
    """A concentration now, with its 10-90 % interval."""

    value: Number
    unit: str
    q10: Number
    q90: Number
    kind: Literal["measured", "modelled"]


class IndexValue(Shape):
    """An index now; `category` and `advice` are text keys."""

    value: Number
    q10: Annotated[Number, Field(description=INTERVAL)]
    q90: Number
    category: Text
    colour: Text
    advice: Text
    dominant: Text
    made_from: Annotated[
        list[str],
        Field(alias="from", description="Pollutants with a known sub-index; none: index unknown."),
    ]
    sub: Annotated[dict[str, Number], Field(description="Sub-index (or category number) by pollutant.")]
    rule_set: str


class MeasuredValue(Shape):
    """One observation."""

    value: Number
    unit: str
    time: Annotated[str, Field(description="End of the averaging period, UTC.")]
    period_s: int


class Measured(Shape):
    """The station that stands at the point."""

    station_id: str
    distance_km: float
    values: dict[str, MeasuredValue]


class Current(Place):
    """The air at a point now."""

    init_time: Text
    time: Annotated[Text, Field(description="End of the hour that the values are means of, UTC.")]
    lead_hours: int | None
    concentrations: dict[str, Value]
    indices: dict[str, IndexValue]
    dominant_pollutant: Text
    measured: Measured | None
    provenance: Provenance | None


class Series(Shape):
    """A concentration by hour, with its 10-90 % interval."""

    unit: str
    value: list[Number]
    q10: list[Number]
    q90: list[Number]


class IndexSeries(Shape):
    """An index by hour; `category` and `dominant` are positions in `categories` and `pollutants`, null unknown."""

    value: list[Number]
    category: list[int | None]
    dominant: list[int | None]
    q10: Annotated[list[Number], Field(description=INTERVAL)]
    q90: list[Number]
    categories: Annotated[list[str], Field(description="Text keys of the bands, best first, as in /v1/indices.")]
    pollutants: list[str]


class Forecast(Place):
    """The air at a point from `init_time` on; every list has the length of `time`."""

    init_time: Text
    time: Annotated[list[str], Field(description="End of each hour, UTC.")]
    concentrations: dict[str, Series]
    indices: dict[str, IndexSeries]
    provenance: Provenance | None


class HistoryProvenance(Shape):
    """Where past values come from."""

    kind: Literal["modelled"]
    simulated: bool
    model: str
    domain: str
    notes: list[str]


class History(Place):
    """Past hourly analyses at a point; every list has the length of `time`."""

    time: list[str]
    concentrations: dict[str, Series]
    indices: dict[str, IndexSeries]
    provenance: HistoryProvenance | None


class CurrentMany(Shape):
    """Several points, in the order asked."""

    results: list[Current]


class ForecastMany(Shape):
    """Several points, in the order asked."""

    results: list[Forecast]


class HistoryMany(Shape):
    """Several points, in the order asked."""

    results: list[History]


class BandOut(Shape):
    """One band: above `lower` up to and including `upper` (null: no end); the first holds its lower bound too."""

    key: str
    lower: Number
    upper: Number
    colour: str
    advice: str


class IndexOut(Shape):
    """An air-quality index as computed here."""

    name: str
    title: str
    rule_set: Annotated[str, Field(description="The document and its date.")]
    region: str
    pollutants: list[str]
    averaging: dict[str, str]
    has_value: Annotated[bool, Field(description="False: bands only, no number.")]
    bands: list[BandOut]


class IndicesOut(Shape):
    """Every index."""

    indices: list[IndexOut]


class PointGeometry(Shape):
    """GeoJSON point: longitude, latitude[, altitude in m]."""

    type: Literal["Point"]
    coordinates: list[float]


class StationProperties(Shape):
    """A station."""

    id: str
    source: str
    name: str
    kind: str
    operator: str
    timezone: str
    licence: str
    attribution: str
    simulated: bool


class StationFeature(Shape):
    """A station as a GeoJSON feature."""

    type: Literal["Feature"]
    id: str
    geometry: PointGeometry
    properties: StationProperties


class StationCollection(Shape):
    """Stations as GeoJSON; `next` is the `after` of the next page."""

    type: Literal["FeatureCollection"]
    features: list[StationFeature]
    next: Text


class ObservationOut(Shape):
    """One observation."""

    time: str
    period_s: int
    variable: str
    value: float
    unit: str
    uncertainty: Number
    coverage: Number
    quality_flag: Annotated[int, Field(description="QARTOD: 1 pass, 2 not evaluated, 3 suspect, 4 fail.")]
    received_at: str


class ObservationPage(Shape):
    """Observations of a station, oldest first; `next` is the `after` of the next page."""

    station_id: str
    simulated: bool
    observations: list[ObservationOut]
    next: Text


class SourceStatus(Shape):
    """A source and how fresh it is."""

    name: str
    title: Text
    licence: Text
    attribution: Text
    terms_url: Text
    newest_time: Annotated[Text, Field(description="End of the newest period it ever gave.")]
    age_minutes: int | None
    last_attempt: Text
    last_success: Text
    last_error: Text


class DomainStatus(Shape):
    """A published domain."""

    name: str
    init_time: str
    created_at: str
    model: str
    background: Text
    simulated: bool
    variables: list[str]
    indices: list[str]
    stations: int
    bounds: Annotated[list[float], Field(description="South, west, north, east of the cells' edges.")]
    step_degrees: float
    first_hour: int
    last_hour: int


class JobRun(Shape):
    """A run of a job."""

    product: str
    time: Text
    state: str
    started: Text
    finished: Text
    message: Text


class StatusOut(Shape):
    """How the service is."""

    version: str
    now: Annotated[str, Field(description="By the data's own clock: a replay's runs elsewhere in time.")]
    clock_speed: float
    simulated: Annotated[bool, Field(description="True when any published domain is simulated.")]
    domains: list[DomainStatus]
    sources: list[SourceStatus]
    jobs: list[JobRun]
    notes: list[str]


class Health(Shape):
    """The process answers."""

    status: Literal["ok"]
