"""The report of an import, in lines for people."""

from typing import Any


def report_lines(report: dict[str, Any]) -> list[str]:
    """What became of every line, in words; what was assumed and what nobody read, always."""
    lines = [f"{report['read']:,} rows read, {report['kept']:,} kept"]
    if report["merged"]:
        lines[0] += f", {report['merged']:,} joined to another of their time"
    for reason, count in report["rejected"].items():
        example = report["examples"].get(reason)
        lines.append(f"  refused: {count:,} {reason}" + (f" (first: {example})" if example else ""))
    for device in report["devices"]:
        lines += _device_lines(device)
    lines.append(f"{report['fixes']:,} positions found, {report['refused_fixes']:,} impossible ones refused")
    lines += [f"column not read: {text}" for text in report["unknown_columns"]]
    lines += [f"note: {text}" for text in report["notes"]]
    return lines


def _device_lines(device: dict[str, Any]) -> list[str]:
    places = device["positions"]
    placed = f"{places['joined']:,} by a fix within 60 s, {places['interpolated']:,} between two fixes"
    lines = [
        f"{device['device']} ({device['reader']}): {device['kept']:,} rows, {device['start']} to {device['end']}",
        f"  placed: {placed}, {places['held']:,} held at one place",
    ]
    if device["flagged"]:
        flagged = ", ".join(f"{name} {count:,}" for name, count in device["flagged"].items())
        lines.append(f"  flagged, and kept: {flagged}")
    for variable, name in device["corrections"].items():
        lines.append(f"  {variable} corrected by: {name}")
    for pollutant, found in device["plume_agreement"].items():
        share = found["share_within_rounding"]
        lines.append(
            f"  Plume AQI of {pollutant}: ours within rounding of the device's in "
            + (
                f"{100 * share:.3f} % of {found['rows']:,} rows ({found['equal']:,} equal)"
                if found["rows"]
                else "no row"
            )
        )
    return lines
