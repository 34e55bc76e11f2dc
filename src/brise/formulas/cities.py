"""The cities of the simulated atmosphere: what their climate and their air are roughly like.

Climate figures are rounded from the WMO normals 1991-2020 of each city; emissions and regional backgrounds are orders
of magnitude from EDGAR v8 and WHO's ambient air quality database (2024), then fitted where real stations could be
compared (see docs/science/nature-run.md). A simulated city is a plausible city, not a forecast of the real one.
"""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Climate:
    """What the weather generator needs.

    Attributes:
        mean_c: Annual mean temperature, °C.
        season_k: Half the annual range, K.
        day_k: Half the daily range, K.
        synoptic_k: Standard deviation of day-to-day anomalies, K.
        warmest_day: Day of the year.
        humidity: Mean relative humidity at the daily mean temperature, share.
        wet: Share of hours with rain, annual mean.
        wettest_day: Day of the year.
        wet_contrast: 0 rain all year round, 1 only in its season.
        wind_m_s: Mean wind of the mixed layer.
        prevailing_from: Direction the mean wind comes from, degrees.
        breeze: How much sea or mountains strengthen the wind of late afternoon, as a share of the mean.
    """

    mean_c: float
    season_k: float
    day_k: float
    synoptic_k: float
    warmest_day: float
    humidity: float
    wet: float
    wettest_day: float
    wet_contrast: float
    wind_m_s: float
    prevailing_from: float
    breeze: float = 0.0


@dataclass(frozen=True, slots=True)
class Pollution:
    """What the city emits and what air flows in.

    Attributes:
        nox: kg of NO2 equivalent per person and year.
        so2: kg per person and year.
        co: kg per person and year.
        pm25: kg of primary fine particles per person and year.
        coarse: kg of particles between 2.5 and 10 µm per person and year.
        regional_pm25: µg m-3 of the air that flows in, annual median.
        regional_coarse: µg m-3.
        regional_o3: µg m-3, of the afternoon.
        haze: Standard deviation of the logarithm of the regional particles.
        winter: Half the seasonal range of the logarithm of the regional particles, positive = more in the cold.
        dirty_from: Direction from which the air that flows in is dirtiest, degrees.
        smog: Reactivity of the volatile organics: scale of the ozone production.
        heating: How much homes burn in the cold, see `heating_factor`.
        weekend: Its two weekdays, Monday 0.
        weekend_traffic: Traffic of the second, as a share of a working day's.
    """

    nox: float
    so2: float
    co: float
    pm25: float
    coarse: float
    regional_pm25: float
    regional_coarse: float
    regional_o3: float
    haze: float
    winter: float
    dirty_from: float
    smog: float
    heating: float
    weekend: tuple[int, int] = (5, 6)
    weekend_traffic: float = 0.75


@dataclass(frozen=True, slots=True)
class City:
    """One simulated city.

    Attributes:
        name: Names the domain.
        title: For people.
        latitude: Degrees north.
        longitude: Degrees east.
        timezone: IANA name.
        altitude_m: m above sea level.
        climate: Its weather.
        pollution: Its air.
    """

    name: str
    title: str
    latitude: float
    longitude: float
    timezone: str
    altitude_m: float
    climate: Climate
    pollution: Pollution


# Columns as in Climate, then as in Pollution up to `heating`.
_ROWS = (
    City("beijing", "Beijing", 39.91, 116.40, "Asia/Shanghai", 44.0,
         Climate(13.0, 15.0, 5.0, 3.2, 200, 0.52, 0.05, 205, 0.8, 3.1, 330),
         Pollution(22, 6.5, 100, 5.2, 3.6, 38, 18, 80, 1.25, 0.25, 170, 1.35, 1.6, weekend_traffic=0.98)),
    City("cairo", "Cairo", 30.05, 31.25, "Africa/Cairo", 23.0,
         Climate(22.5, 7.5, 5.5, 2.3, 205, 0.55, 0.006, 15, 0.8, 3.8, 350),
         Pollution(14, 7.5, 64, 3.5, 9.6, 30, 45, 80, 0.45, 0.15, 200, 0.9, 0.3, weekend=(5, 4))),
    City("delhi", "Delhi", 28.65, 77.23, "Asia/Kolkata", 216.0,
         Climate(25.0, 8.5, 6.0, 2.2, 170, 0.56, 0.05, 210, 0.9, 3.2, 300),
         Pollution(12, 3, 96, 4.9, 7.2, 55, 60, 75, 0.50, 0.55, 310, 1.2, 1.8, weekend_traffic=0.85)),
    City("jakarta", "Jakarta", -6.21, 106.85, "Asia/Jakarta", 8.0,
         Climate(28.0, 0.6, 3.5, 0.7, 280, 0.78, 0.12, 30, 0.6, 2.6, 60, 0.4),
         Pollution(12, 3.8, 88, 3.6, 3, 18, 15, 55, 0.40, -0.20, 180, 1.0, 0.0)),
    City("johannesburg", "Johannesburg", -26.20, 28.04, "Africa/Johannesburg", 1753.0,
         Climate(16.5, 5.5, 6.0, 2.5, 10, 0.55, 0.06, 10, 0.9, 3.8, 340),
         Pollution(24, 16, 88, 4.9, 4.8, 13, 18, 75, 0.50, 0.45, 70, 0.9, 1.5)),
    City("lagos", "Lagos", 6.46, 3.39, "Africa/Lagos", 41.0,
         Climate(27.0, 1.5, 3.5, 0.8, 75, 0.82, 0.09, 180, 0.6, 3.2, 220, 0.3),
         Pollution(8.5, 3, 112, 5.6, 6, 22, 30, 50, 0.50, 0.10, 30, 0.8, 0.0)),
    City("london", "London", 51.51, -0.13, "Europe/London", 11.0,
         Climate(11.5, 6.5, 3.4, 2.8, 205, 0.76, 0.10, 320, 0.15, 6.0, 240),
         Pollution(20, 0.9, 19, 0.6, 0.72, 5.5, 5, 68, 0.60, 0.08, 100, 0.6, 1.0, weekend_traffic=0.50)),
    City("los_angeles", "Los Angeles", 34.05, -118.24, "America/Los_Angeles", 93.0,
         Climate(18.5, 4.5, 5.0, 2.5, 225, 0.65, 0.03, 30, 0.8, 2.9, 260, 0.6),
         Pollution(15, 0.6, 56, 1.1, 1.9, 5.0, 10, 80, 0.45, -0.05, 60, 1.5, 0.3)),
    City("mexico_city", "Mexico City", 19.43, -99.13, "America/Mexico_City", 2240.0,
         Climate(16.5, 2.5, 6.0, 1.5, 130, 0.55, 0.10, 210, 0.85, 2.3, 20, 1.8),
         Pollution(17, 4.5, 88, 0.7, 3.0, 10, 13, 46, 0.40, 0.0, 20, 1.9, 0.3, weekend_traffic=0.68)),
    City("new_york", "New York", 40.71, -74.01, "America/New_York", 10.0,
         Climate(13.0, 12.0, 4.0, 4.0, 203, 0.65, 0.09, 180, 0.1, 5.5, 270),
         Pollution(19, 0.75, 56, 0.98, 0.96, 5.5, 6, 75, 0.50, 0.0, 230, 1.1, 1.0)),
    City("paris", "Paris", 48.85, 2.35, "Europe/Paris", 35.0,
         Climate(12.5, 8.0, 4.2, 3.2, 205, 0.74, 0.09, 320, 0.1, 5.5, 240),
         Pollution(19, 0.9, 22, 0.98, 0.96, 7.0, 6, 70, 0.60, 0.15, 70, 0.8, 1.2)),
    City("sao_paulo", "São Paulo", -23.55, -46.64, "America/Sao_Paulo", 760.0,
         Climate(20.0, 3.5, 4.5, 2.8, 35, 0.76, 0.10, 15, 0.6, 3.4, 130),
         Pollution(15, 1.2, 72, 1.3, 1.7, 8, 10, 60, 0.45, 0.30, 330, 1.2, 0.2)),
    City("sydney", "Sydney", -33.87, 151.21, "Australia/Sydney", 39.0,
         Climate(18.5, 5.0, 4.5, 2.8, 25, 0.66, 0.09, 90, 0.2, 4.3, 200, 0.4),
         Pollution(24, 1.8, 64, 1.3, 1.4, 4.5, 8, 50, 0.45, -0.05, 310, 0.8, 0.6)),
    City("tokyo", "Tokyo", 35.69, 139.69, "Asia/Tokyo", 40.0,
         Climate(16.0, 10.5, 3.8, 2.6, 220, 0.66, 0.09, 200, 0.35, 4.2, 350, 0.3),
         Pollution(10, 0.9, 24, 0.7, 0.84, 7.0, 6, 75, 0.50, -0.05, 240, 1.0, 0.4)),
)  # fmt: skip

CITIES: dict[str, City] = {city.name: city for city in _ROWS}
