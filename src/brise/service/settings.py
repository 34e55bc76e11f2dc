"""The only reader of the environment: every setting is `BRISE_…`, or a line of `.env`."""

from pathlib import Path
from typing import Literal

from pydantic import Field, SecretStr, ValidationError, field_validator
from pydantic_settings import BaseSettings, SettingsConfigDict, SettingsError

from brise.conventions.errors import ConfigurationError

Area = tuple[float, float, float, float]
DATABASES = ("sqlite:///", "postgresql://", "postgresql+psycopg://")
Level = Literal["DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL"]


class Settings(BaseSettings):
    """Where things are kept, who may ask how much, and the keys of the sources that want one."""

    model_config = SettingsConfigDict(env_prefix="BRISE_", env_file=".env", extra="ignore", frozen=True)

    data_dir: Path = Field(Path("data"), description="Database, raw payloads, products; one folder a mode below it.")
    database_url: str | None = Field(None, description="postgresql+psycopg://… instead of SQLite in the data folder.")
    host: str = "127.0.0.1"
    port: int = Field(8080, ge=1, le=65535)
    cors_origins: list[str] = ["*"]
    open_accounts: bool = Field(True, description="Anybody may make an account for trackers; else `brise key owner`.")
    trusted_push: bool = Field(
        False,
        description="A tracker's serial, or its MQTT topic, stands for its key: where only owners reach.",
    )
    tracker_key: SecretStr | None = Field(None, description="Of the tracker that `brise tracker listen` pushes for.")
    mqtt_url: SecretStr | None = Field(None, description="mqtt(s)://user:password@host:port of a broker to listen to.")
    rate_limit: str | None = Field(None, description='Per client, e.g. "600/minute"; none by default.')
    area: Area | None = Field(None, description='What live sources fetch, as JSON: "[south, west, north, east]".')
    points: tuple[tuple[float, float], ...] = Field(
        (), max_length=1000, description='Where forecast sources are asked, as JSON: "[[51.5, -0.12], …]".'
    )
    radar_dir: Path | None = Field(None, description="Folder that radar files fall into; a folder within is an area.")
    share_restricted: bool = Field(False, description="Show values that their source forbids to pass on.")
    weights_dir: Path | None = Field(None, description="Shipped models (default: those that came with the program).")
    fire_workers: int = Field(1, ge=0, le=64, description="Processes of `brise up` that run fire simulations.")
    fire_threads: int = Field(2, ge=1, le=256, description="Threads of one fire simulation.")
    fire_jobs: int = Field(50, ge=1, le=10_000, description="Fire simulations that may wait or run.")
    fire_jobs_per_client: int = Field(5, ge=1, le=10_000, description="Of them those of one address.")
    fire_days_kept: float = Field(7.0, gt=0, le=3650, description="Fire simulations are deleted after.")
    dask_scheduler: str | None = Field(None, description="tcp://host:port: members of fire ensembles run there.")
    retention_days: int = Field(400, ge=2, description="Older observations are deleted.")
    log_level: Level = "INFO"

    openaq_key: SecretStr | None = None
    airgradient_key: SecretStr | None = None
    airnow_key: SecretStr | None = None
    firms_key: SecretStr | None = None
    open_meteo_key: SecretStr | None = None
    purpleair_key: SecretStr | None = None
    waqi_key: SecretStr | None = None

    @field_validator("area")
    @classmethod
    def _area_on_earth(cls, area: Area | None) -> Area | None:
        if area is not None:
            south, west, north, east = area
            if not (-90 <= south < north <= 90 and -180 <= west < east <= 180):
                raise ValueError(f"{area} is not south < north within ±90 and west < east within ±180")
        return area

    @field_validator("log_level", mode="before")
    @classmethod
    def _any_case(cls, level: object) -> object:
        return level.upper() if isinstance(level, str) else level

    @field_validator("database_url")
    @classmethod
    def _known_database(cls, url: str | None) -> str | None:
        if url is not None and not url.startswith(DATABASES):
            raise ValueError(f"must begin with {' or '.join(DATABASES)}")  # not shown: it may hold a password
        return url

    def resolved_database_url(self) -> str:
        """The database: as set, or SQLite in the data folder."""
        return self.database_url or f"sqlite:///{self.data_dir / 'brise.sqlite'}"

    def key(self, name: str | None) -> str | None:
        """The key a source wants, by the name of its setting; None when it wants none or none is set."""
        secret = getattr(self, name, None) if name else None
        return secret.get_secret_value() if isinstance(secret, SecretStr) else None


def load_settings(**overrides: object) -> Settings:
    """Read the environment; `overrides` (None = not given) win.

    Raises:
        ConfigurationError: A setting is wrong; the message names each and what is allowed.
    """
    given = {name: value for name, value in overrides.items() if value is not None}
    try:
        return Settings(**given)  # type: ignore[arg-type]
    except ValidationError as error:
        lines = [f"BRISE_{'.'.join(map(str, e['loc'])).upper()}: {e['msg']}" for e in error.errors(include_input=False)]
        raise ConfigurationError("; ".join(lines)) from None
    except SettingsError as error:  # says which setting, not its value
        raise ConfigurationError(f"BRISE_…: {error}: expected JSON") from None
