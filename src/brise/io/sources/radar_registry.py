"""Every source of rain fields, by name: one file, one line."""

from brise.io.sources import radar_geotiff, radar_mrms, radar_npz, radar_odim, radar_simulated
from brise.io.sources.radar import Radar

RADARS: dict[str, Radar] = {
    radar.name: radar
    for radar in (
        radar_geotiff.RADAR,
        radar_geotiff.RADAR_FMI,
        radar_mrms.RADAR,
        radar_npz.RADAR,
        radar_odim.RADAR,
        radar_simulated.RADAR,
    )
}
