"""The documented shapes of what trackers and their owners ask and are answered."""

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from brise.service.api.schemas import Shape

Name = Annotated[str, Field(max_length=80, pattern=r"^[^\x00]*$")]
Latitude = Annotated[float, Field(ge=-90, le=90)]
Longitude = Annotated[float, Field(ge=-180, le=180)]
When = Annotated[str, Field(max_length=40, description="ISO 8601; without offset it is UTC.")]


class Asked(BaseModel):
    """What every body may hold and no more."""

    model_config = ConfigDict(extra="forbid", allow_inf_nan=False, str_strip_whitespace=True)


class Refusal(Shape):
    """One row, or one value of firmware, that was refused."""

    row: int
    field: str
    reason: str


class PushAnswer(Shape):
    """What became of a push. What is stored survives a kill and a power cut."""

    stored: int
    rejected: int
    refusals: Annotated[list[Refusal], Field(description="The first hundred.")]
    unknown_fields: Annotated[list[str], Field(description="Not kept.")]


class OwnerMade(Shape):
    """A new owner."""

    id: str
    token: Annotated[str, Field(description="Shown this once; whoever has it is the owner.")]


class TokenMade(Shape):
    """A new token."""

    token: Annotated[str, Field(description="Shown this once.")]


class TokenShown(Shape):
    """A token, without its secret part."""

    prefix: str
    created: str


class Owner(Shape):
    """Who asks, as far as the server knows."""

    id: str
    created: str
    trackers: int
    tokens: list[TokenShown]


class TrackerAsked(Asked):
    """A tracker to register, or what to change of one."""

    name: Name | None = None
    model: Name | None = None
    serial: Annotated[
        str | None,
        Field(
            min_length=1,
            max_length=80,
            pattern=r"^[\w:.-]+$",
            description="By which its firmware names itself.",
        ),
    ] = None
    latitude: Annotated[Latitude | None, Field(description="Of a device that stays where it is.")] = None
    longitude: Longitude | None = None


class Tracker(Shape):
    """A tracker, and how much is stored of it."""

    id: str
    name: str
    model: str
    serial: str | None
    latitude: float | None
    longitude: float | None
    created: str
    samples: int
    first: str | None
    last: str | None


class TrackerMade(Tracker):
    """A new tracker."""

    key: Annotated[str, Field(description="Shown this once; the device pushes with it.")]


class Trackers(Shape):
    """An owner's trackers, oldest first."""

    trackers: list[Tracker]


class KeyMade(Shape):
    """A tracker's new key; the old one opens nothing any more."""

    key: Annotated[str, Field(description="Shown this once.")]


class Samples(Shape):
    """A page of samples: columns as long as `time`, in the units beside them.

    `X_corrected` and `X_uncertainty` (one standard deviation) stand beside X as measured; null where X is doubtful.
    """

    tracker: str
    units: dict[str, str]
    columns: dict[str, list[Any]]
    corrections: Annotated[dict[str, str], Field(description="By what each quantity was corrected, in words.")]
    next: str | None


class SharedPeriod(Asked):
    """A period whose measurements may be seen in the crowd's map, blurred and among those of others."""

    start: When
    end: Annotated[When | None, Field(description="None: from `start` on.")] = None


class Sharing(Asked):
    """All periods that are shared; nothing else is."""

    periods: Annotated[list[SharedPeriod], Field(max_length=200)]


class LabelAsked(Asked):
    """What the owner says a stretch of time was."""

    field: Literal["mode", "surroundings"]
    start: When
    end: When
    value: Annotated[str, Field(max_length=20, description="still, walk, cycle, vehicle; indoors, outdoors.")]


class Labels(Asked):
    """All that the owner says; it wins over what is inferred."""

    labels: Annotated[list[LabelAsked], Field(max_length=2_000)]


class PlaceAsked(Asked):
    """A place with a name."""

    name: Annotated[Name, Field(min_length=1)]
    latitude: Latitude
    longitude: Longitude
    radius_m: Annotated[float, Field(ge=10, le=5_000)] = 100.0
    indoor: bool | None = None


class Places(Asked):
    """All places that the owner has named."""

    places: Annotated[list[PlaceAsked], Field(max_length=200)]


class ImportShown(Shape):
    """A file that was brought; poll until its state is done or failed."""

    id: str
    state: Literal["running", "done", "failed"]
    created: str
    finished: str | None
    message: str
    report: Annotated[dict[str, Any] | None, Field(description="What became of its rows.")]


class Imports(Shape):
    """Files that were brought, newest first."""

    imports: list[ImportShown]


class Erased(Shape):
    """What was erased; nothing of it is left in the store."""

    samples: int
