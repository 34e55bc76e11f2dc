"""The documented shapes of answers about rain."""

from typing import Annotated, Literal

from pydantic import Field

from brise.service.api.schemas import Cell, Number, Shape, Text

RainStatus = Literal["ok", "degraded", "unknown"]
Times = Annotated[list[str], Field(description="What each number is for, UTC.")]


class RainRate(Shape):
    """Rates with their 10-90 % interval; null unknown."""

    unit: str
    value: Annotated[list[Number], Field(description="The best single number under the error of log(1 + rate).")]
    q10: list[Number]
    q90: list[Number]


class RainSpell(Shape):
    """One stretch of rain."""

    start: Annotated[Text, Field(description="Null: it rains from the first time on.")]
    end: Annotated[Text, Field(description="Null: it still rains at the last time known.")]
    intensity: Annotated[str, Field(description="Text key: rain.light, .moderate, .heavy or .violent (WMO-No. 8).")]
    peak: Annotated[float, Field(description="mm/h")]
    confidence: Annotated[float, Field(description="Mean chance of rain in it, 0 to 1.")]


class RainWords(Shape):
    """What the series says: a text key with its numbers, and an English line."""

    key: Literal["rain.starts", "rain.ends", "rain.goes_on", "rain.perhaps", "rain.none", "rain.unknown"]
    text: str
    chance: Annotated[Number, Field(description="Of any rain until `until`.")]
    confidence: Number
    until: Text
    spells: list[RainSpell]


class RainTotal(Shape):
    """What falls within some minutes after the newest frame."""

    minutes: int
    chance: Annotated[Number, Field(description="That any step has at least 0.1 mm/h, 0 to 1.")]
    unit: str
    q10: Number
    q50: Number
    q90: Number


class RadarSource(Shape):
    """Whose radar."""

    name: str
    title: Text
    licence: Text
    attribution: Text


class NewestFrame(Shape):
    """The newest radar image used."""

    time: str
    age_minutes: int


class RainProvenance(Shape):
    """Where a value comes from. Ages are at `answered_at`."""

    simulated: Annotated[bool, Field(description="True: no radar measured it.")]
    model: str
    sources: list[RadarSource]
    newest_frame: NewestFrame
    created_at: str
    degraded: bool
    notes: list[str]
    answered_at: str


class RainPoint(Shape):
    """Rain at a point, step by step; the first step is the newest at or before now."""

    latitude: float
    longitude: float
    status: RainStatus
    reason: Annotated[Text, Field(description="Why it is unknown or degraded.")]
    cell: Cell | None
    init_time: Annotated[Text, Field(description="When the newest frame was measured.")]
    time: Times
    lead_minutes: Annotated[list[int], Field(description="After init_time; 0 is measured, the rest is modelled.")]
    kind: Annotated[list[Literal["measured", "modelled"]], Field(description="Of each step.")]
    rain_rate: RainRate
    chance: Annotated[dict[str, list[Number]], Field(description="0 to 1, of at least so many mm/h.")]
    totals: list[RainTotal]
    words: RainWords
    provenance: RainProvenance | None


class RainPoints(Shape):
    """Several points, in the order asked."""

    results: list[RainPoint]


class RainGrid(Shape):
    """Cell centres: the first row is the northernmost, the first column the westernmost."""

    north: float
    west: float
    step_degrees: float
    rows: int
    columns: int


class RainArea(Shape):
    """Rain over an area: `values[time][row][column]`, null unknown."""

    status: RainStatus
    reason: Text
    domain: Text
    init_time: Text
    quantity: str
    unit: str
    grid: RainGrid | None
    time: Times
    lead_minutes: list[int]
    values: list[list[list[Number]]]
    provenance: RainProvenance | None
