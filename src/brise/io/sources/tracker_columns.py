"""Any table whose headings say everything: a time, and quantities with their units, or places."""

from brise.io.sources.tracker_dialect import Dialect, looks_like_a_table

DIALECT = Dialect(name="table", title="Table with units in its headings", recognise=looks_like_a_table)
