"""Every source, by name: one file, one line."""

from brise.io.sources import (
    airgradient,
    airnow,
    archive,
    open_meteo,
    openaq,
    purpleair,
    sensor_community,
    simulated,
    waqi,
)
from brise.io.sources.source import Source

SOURCES: dict[str, Source] = {
    source.name: source
    for source in (
        airgradient.SOURCE,
        airnow.SOURCE,
        archive.SOURCE,
        open_meteo.SOURCE,
        openaq.SOURCE,
        purpleair.SOURCE,
        sensor_community.SOURCE,
        simulated.SOURCE,
        waqi.SOURCE,
    )
}
