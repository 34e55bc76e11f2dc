"""Flow, the personal tracker of Plume Labs: what its owners were sent, whichever version of the app wrote it.

A user's archive holds `user_measures_…csv` and `user_positions_…csv`, numbered; an organisation's one folder for each
`sensor_…` with measures, positions, or both merged. One row a minute; `timestamp` counts seconds since 1970. NO2 and
VOC of 0 while the rest of a row is missing are cells that were not ready; particles of 1 are the counter's floor.
Headings come in any order and in many spellings, and are read by name and unit.
"""

from brise.io.sources.tracker_dialect import Dialect
from brise.io.sources.tracker_names import split_label


def recognise(labels: set[str]) -> bool:
    """Whether any heading is a Plume AQI.

    >>> recognise({"timestamp", "no2 (ppb)", "no2 (plume aqi)"}), recognise({"timestamp", "no2 (ppb)"})
    (True, False)
    """
    return any("plume aqi" in split_label(label)[:2] for label in labels)


DIALECT = Dialect(name="flow", title="Flow (Plume Labs) export", recognise=recognise)
