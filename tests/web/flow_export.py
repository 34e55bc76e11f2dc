"""Three made-up days as Flow's export writes them: no coordinate and no number was ever measured."""

import math
import random
from datetime import UTC, datetime, timedelta

HEAD = (
    'timestamp,"date (UTC)","NO2 (ppb)","VOC (ppb)","pm 10 (ug/m3)","pm 2.5 (ug/m3)",'
    '"NO2 (Plume AQI)","VOC (Plume AQI)","pm 10 (Plume AQI)","pm 2.5 (Plume AQI)","battery (%)"'
)
HOME, WORK = (51.5, -0.16), (51.52, -0.08)
DAYS = 3
MIDNIGHT = datetime.now(UTC).replace(hour=0, minute=0, second=0, microsecond=0) - timedelta(days=1)
"""Of yesterday, the last of the days: within the hours whose analyses the town keeps."""

DAY = MIDNIGHT.date().isoformat()
ROWS_A_DAY = 23 * 60 - 60
"""From midnight to 23 o'clock, switched off from 12 to 13."""

ROWS = DAYS * ROWS_A_DAY


def is_moving(minute: int) -> bool:
    """On the way to work or back."""
    return 480 <= minute < 570 or 1020 <= minute < 1110


def where(minute: int) -> tuple[float, float]:
    """At home till 8, on foot for an hour and a half, at work till 17, and back."""
    share = min(max((minute - 480) / 90, 0), 1) - min(max((minute - 1020) / 90, 0), 1)
    bend = 0.004 * math.sin(share * 9)
    latitude, longitude = (a + (b - a) * share for a, b in zip(HOME, WORK, strict=True))
    return latitude + bend, longitude


def flow_export() -> dict[str, bytes]:
    """Its two files, by name."""
    draw, drift, slow = random.Random(7), 0.0, 0.0
    measures, positions = [HEAD], ["timestamp,date,latitude,longitude"]
    for minute in [at for day in range(1 - DAYS, 1) for at in range(day * 1440, day * 1440 + 23 * 60)]:
        clock = minute % 1440
        time = MIDNIGHT + timedelta(minutes=minute + 1)
        stamp = f"{int(time.timestamp())},{time:%Y-%m-%d %H:%M:%S}"
        if is_moving(clock) or clock % 10 == 0:
            positions.append("{},{:.5f},{:.5f}".format(stamp, *where(clock)))
        drift, slow = 0.93 * drift + draw.gauss(0, 0.7), 0.995 * slow + draw.gauss(0, 0.25)
        if not 720 <= clock < 780:
            more = 13 * math.sin((clock % 540 - 480) / 90 * math.pi) if is_moving(clock) else 0.0
            pm25 = max(1, round(9 + slow + drift + abs(more)))
            no2, voc = max(1, round(14 + 1.6 * abs(more) - drift)), max(20, round(150 + 9 * slow - 6 * drift))
            measures.append(f"{stamp},{no2},{voc},{pm25 + 6},{pm25},{no2},{voc // 10},{pm25},{pm25 * 2},80")
    return {
        f"user_{kind}_20260101_20260103_1.csv": "\n".join(rows).encode()
        for kind, rows in (("measures", measures), ("positions", positions))
    }
