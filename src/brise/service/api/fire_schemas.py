"""The documented shapes of fire simulations: what is asked, and what is answered."""

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator

from brise.formulas.fire.ellipse import FORMULAS
from brise.formulas.fire.surface import WIND_LIMITS
from brise.service.api.schemas import Number, Shape, Text
from brise.service.jobs.fire_request import MAX_HOURS, MAX_MEMBERS, MAX_OBSERVED, MAX_ROWS

Iso = Annotated[str, Field(min_length=8, max_length=40, examples=["2026-11-23T10:00Z"])]
Longitude = Annotated[float, Field(ge=-180, le=180, allow_inf_nan=False)]
Latitude = Annotated[float, Field(ge=-90, le=90, allow_inf_nan=False)]
Height = Annotated[float, Field(allow_inf_nan=False)]
Position = tuple[Longitude, Latitude] | tuple[Longitude, Latitude, Height]
Line = Annotated[list[Position], Field(min_length=2, max_length=5_000)]
Ring = Annotated[list[Position], Field(min_length=4, max_length=5_000)]
Rings = Annotated[list[Ring], Field(min_length=1, max_length=100)]
Share = Annotated[float, Field(gt=0, le=400, allow_inf_nan=False, description="Percent of dry mass.")]
Scatter = Annotated[float, Field(ge=0, le=2, allow_inf_nan=False)]


class Given(BaseModel):
    """Every part of a request: what is not described is refused."""

    model_config = ConfigDict(extra="forbid")


class Point(Given):
    """A place."""

    type: Literal["Point"]
    coordinates: Position


class MultiPoint(Given):
    """Places."""

    type: Literal["MultiPoint"]
    coordinates: Annotated[list[Position], Field(min_length=1, max_length=200)]


class LineString(Given):
    """A line that burns from one end to the other."""

    type: Literal["LineString"]
    coordinates: Line


class MultiLineString(Given):
    """Lines."""

    type: Literal["MultiLineString"]
    coordinates: Annotated[list[Line], Field(min_length=1, max_length=200)]


class Polygon(Given):
    """An area that burns as a whole; holes are filled."""

    type: Literal["Polygon"]
    coordinates: Rings


class MultiPolygon(Given):
    """Areas."""

    type: Literal["MultiPolygon"]
    coordinates: Annotated[list[Rings], Field(min_length=1, max_length=200)]


Area = Annotated[Polygon | MultiPolygon, Field(discriminator="type")]
Geometry = Annotated[
    Point | MultiPoint | LineString | MultiLineString | Polygon | MultiPolygon, Field(discriminator="type")
]


class Lit(BaseModel):
    """When a place begins to burn; whatever else a feature says is left aside."""

    time: Iso | None = None


class Feature(BaseModel):
    """A place, and when it begins to burn."""

    type: Literal["Feature"]
    geometry: Geometry
    properties: Lit | None = None


class FeatureCollection(BaseModel):
    """Several places."""

    type: Literal["FeatureCollection"]
    features: Annotated[list[Feature], Field(min_length=1, max_length=200)]


Ignition = Annotated[
    Point
    | MultiPoint
    | LineString
    | MultiLineString
    | Polygon
    | MultiPolygon
    | Feature
    | FeatureCollection,
    Field(discriminator="type", description="GeoJSON, longitude first. A feature's `time` says when it lights."),
]  # fmt: skip


def _column(low: float, high: float, about: str, required: bool = False) -> Any:
    cell = Annotated[float, Field(ge=low, le=high, allow_inf_nan=False)]
    size = Field(min_length=1, max_length=MAX_ROWS, description=about)
    return Annotated[list[cell], size] if required else Annotated[list[cell | None] | None, size]


class Stream(Given):
    """Weather over the whole landscape, in columns; a row holds from its time to the next one's. Null is unknown."""

    time: Annotated[list[Iso], Field(min_length=1, max_length=MAX_ROWS, description="UTC, rising.")]
    wind_speed_m_s: _column(0, 120, "At `wind_height`.", required=True)  # type: ignore[valid-type]
    wind_from_degrees: _column(0, 360, "Clockwise from north.", required=True)  # type: ignore[valid-type]
    wind_height: Annotated[Literal["10m", "20ft"], Field(description="10 m in the open, or 20 ft above canopies.")] = (
        "10m"
    )
    temperature_c: _column(-60, 60, "Of the air.") = None  # type: ignore[valid-type]
    relative_humidity_percent: _column(0, 100, "Of the air.") = None  # type: ignore[valid-type]
    rain_mm_h: _column(0, 500, "Rain.") = None  # type: ignore[valid-type]
    cloud_percent: _column(0, 100, "Of the sky.") = None  # type: ignore[valid-type]


class Moistures(Given):
    """Fuel moisture that holds throughout; what is left out is worked out from the weather, or assumed."""

    model_config = ConfigDict(extra="forbid", populate_by_name=True)

    one: Annotated[Share | None, Field(alias="1h")] = None
    ten: Annotated[Share | None, Field(alias="10h")] = None
    hundred: Annotated[Share | None, Field(alias="100h")] = None
    herb: Share | None = None
    woody: Share | None = None


class Spreads(Given):
    """How uncertain the inputs of an ensemble are: standard deviations, of logarithms where a factor is meant."""

    wind_speed: Scatter = 0.25
    wind_direction: Annotated[float, Field(ge=0, le=180, allow_inf_nan=False, description="Degrees.")] = 15.0
    wind_memory_h: Annotated[float, Field(gt=0, le=240, allow_inf_nan=False)] = 3.0
    dead_moisture: Scatter = 0.15
    live_moisture: Scatter = 0.15
    rate: Scatter = 0.35
    fuel_rate: Scatter = 0.2
    ignition_m: Annotated[float, Field(ge=0, le=5_000, allow_inf_nan=False)] = 0.0


class Period(Given):
    """Fire moves within it."""

    start: Annotated[Iso, Field(alias="from")]
    end: Annotated[Iso, Field(alias="to")]


Factor = Annotated[float, Field(gt=0, le=10, allow_inf_nan=False)]


class Options(Given):
    """How the fire is simulated."""

    length_to_width: Literal[tuple(FORMULAS)] = "behave"  # type: ignore[valid-type]
    wind_limit: Literal[WIND_LIMITS] = "none"  # type: ignore[valid-type]
    crown: Literal["finney", "scott_reinhardt", "none"] = "finney"
    foliar_moisture_percent: Annotated[float, Field(ge=30, le=300, allow_inf_nan=False)] = 100.0
    rate_factor: Annotated[Factor, Field(description="Multiplies every rate of spread.")] = 1.0
    fuel_factors: Annotated[
        dict[Annotated[str, Field(pattern=r"^[0-9]{1,3}$")], Factor],
        Field(max_length=60, description="Multiplies the rate of some fuel models, by number."),
    ] = {}
    wind_factor: Factor = 1.0
    burn_periods: Annotated[list[Period], Field(max_length=30, description="None: the fire never rests.")] = []
    spreads: Spreads | None = None


class Observed(Given):
    """A perimeter that was seen."""

    time: Iso
    perimeter: Area


EXAMPLE: dict[str, Any] = {
    "landscape": "demonstration",
    "ignition": {"type": "Point", "coordinates": [28.29, -26.49]},
    "start": "2026-11-23T10:00Z",
    "hours": 6,
    "weather": {
        "time": ["2026-11-23T10:00Z", "2026-11-23T13:00Z"],
        "wind_speed_m_s": [5, 8],
        "wind_from_degrees": [300, 320],
        "temperature_c": [27, 30],
        "relative_humidity_percent": [25, 18],
    },
    "members": 50,
}


class Asking(Given):
    """A simulation."""

    model_config = ConfigDict(extra="forbid", json_schema_extra={"examples": [EXAMPLE]})

    landscape: Annotated[str, Field(min_length=1, max_length=64, description="Of `/v1/fire-landscapes`.")]
    ignition: Ignition
    start: Annotated[Iso, Field(description="UTC without offset.")]
    hours: Annotated[float, Field(gt=0, le=MAX_HOURS, allow_inf_nan=False)]
    weather: Annotated[
        Stream | Literal["forecast"],
        Field(description="A stream; or `forecast`: what this server knows of the place, for hours that it knows."),
    ]
    moisture_percent: Moistures | None = None
    members: Annotated[int, Field(ge=0, le=MAX_MEMBERS, description="Of the ensemble; 0 = one fire alone.")] = 0
    seed: Annotated[int, Field(ge=0, le=2**31 - 1)] = 0
    options: Options | None = None
    observed: Annotated[
        list[Observed], Field(max_length=MAX_OBSERVED, description="Calibrate on these, in order of time.")
    ] = []
    name: Annotated[str, Field(max_length=100, description="For people.")] = ""
    listed: Annotated[bool, Field(description="Show it, without the right to delete it, in the public list.")] = False

    @model_validator(mode="after")
    def _equal_columns(self) -> "Asking":
        if isinstance(self.weather, Stream):
            count = len(self.weather.time)
            for name, values in self.weather:
                if isinstance(values, list) and len(values) != count:
                    raise ValueError(f"weather.{name} has {len(values)} values for {count} times")
        return self


JobState = Literal["queued", "running", "done", "failed", "cancelled"]


class Links(Shape):
    """Where to go from here; results are null until they are there."""

    self: str
    share: Annotated[str, Field(description="The same by an id that may only read: pass this one on.")]
    summary: Text
    report: Annotated[Text, Field(description="A page to print.")]
    perimeters: Text
    arrival: Text
    burn_probability: Text
    flame_length: Text
    smoke: Text
    smoke_source: Text
    tiles: Annotated[list[str], Field(description="Templates with {z}, {x}, {y}.")]


class Simulation(Shape):
    """A simulation as a resource. Times are UTC by the wall's clock."""

    id: str
    name: str
    state: JobState
    stage: Annotated[str, Field(description="What is being done, in words.")]
    progress: Annotated[float, Field(ge=0, le=1)]
    ahead: Annotated[int | None, Field(description="Jobs that wait before this one; null unless it waits.")]
    message: Annotated[str, Field(description="Why it failed.")]
    simulated: Annotated[bool, Field(description="True: the landscape does not exist.")]
    landscape: str
    start: str
    hours: float
    members: int
    assumptions: Annotated[list[str], Field(description="What stands for what was not given.")]
    created: str
    started: Text
    finished: Text
    expires: Annotated[str, Field(description="When it and its results are deleted.")]
    links: Links


class Listed(Shape):
    """Simulations whose makers let them be listed, newest first."""

    results: list[Simulation]
    next: Annotated[Text, Field(description="Pass as `before` for the next page; null at the end.")]


class InstalledLandscape(Shape):
    """A landscape that this server can simulate on."""

    name: str
    simulated: bool
    cells: int
    cell_size: Annotated[float, Field(description="m, or the unit of the files' plane.")]
    bounds: Annotated[list[float] | None, Field(description="West, south, east, north, degrees; null: not known.")]
    usable: bool
    problem: Annotated[str, Field(description="Why it is not usable.")]


class Limits(Shape):
    """What a simulation may ask of this server."""

    cells: int
    hours: int
    members: int
    cells_members_hours: int
    vertices: int
    weather_rows: int
    jobs_of_a_client: int
    jobs: int
    days_kept: float


class InstalledLandscapes(Shape):
    """What there is to simulate on, and how much of it."""

    results: list[InstalledLandscape]
    limits: Limits


class SmokeHour(Shape):
    """One hour of smoke."""

    time: Annotated[str, Field(description="End of the hour.")]
    heat_mj: float
    pm25_kg: float
    ground_pm25_max: Annotated[float, Field(description="µg/m³, largest hourly mean of a cell.")]
    plume_height_m: Number


class Smoke(Shape):
    """The smoke of a simulation, experimental: fine particles at the ground from this fire alone."""

    status: Literal["experimental"]
    simulated: bool
    unit: str
    north: float
    west: float
    step_degrees: float
    rows: int
    columns: int
    hours: list[SmokeHour]
    emitted_kg: float
    within_kg: Annotated[float, Field(description="Still over the map at the end.")]
    left_kg: Annotated[float, Field(description="Blown off the map.")]
    assumptions: list[str]
    links: dict[str, str]
