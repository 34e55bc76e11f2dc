"""Every index Brise computes: one file each, one line here."""

from brise.formulas.indices import (
    canada_aqhi,
    china_aqi,
    european_aqi,
    india_naqi,
    plume_2023,
    plume_classic,
    uk_daqi,
    us_aqi,
    who_2021,
)
from brise.formulas.indices.index import Index

INDICES: dict[str, Index] = {
    "us_aqi": us_aqi.INDEX,
    "european_aqi": european_aqi.INDEX,
    "uk_daqi": uk_daqi.INDEX,
    "china_aqi": china_aqi.INDEX,
    "india_naqi": india_naqi.INDEX,
    "canada_aqhi": canada_aqhi.INDEX,
    "plume_classic": plume_classic.INDEX,
    "plume_2023": plume_2023.INDEX,
    "who_2021": who_2021.INDEX,
}
