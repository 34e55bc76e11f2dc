"""Fitted models to bytes and back: arrays and plain numbers in an npz, nothing executable."""

import io
import json
import zipfile
from collections.abc import Mapping as Dict
from typing import Any

import numpy as np

from brise.conventions.errors import InputError
from brise.models.blend import Blend
from brise.models.climatology import Climatology
from brise.models.network import Fitted
from brise.models.optimal_interpolation import Mapping

FORMAT = 1
"""Raised when the fields change; an older file is refused and fitted anew."""

_PARTS: dict[str, type[Climatology] | type[Mapping] | type[Blend]] = {
    "climatology": Climatology,
    "mapping": Mapping,
    "blend": Blend,
}


def to_bytes(fitted: Dict[str, Fitted]) -> bytes:
    """Serialise a network's models."""
    arrays: dict[str, Any] = {}
    plain: dict[str, Any] = {"format": FORMAT, "variables": list(fitted)}
    for name, model in fitted.items():
        for part, kind in _PARTS.items():
            for field in kind.__dataclass_fields__:
                value = getattr(getattr(model, part), field)
                (arrays if isinstance(value, np.ndarray) else plain)[f"{name}.{part}.{field}"] = value
    arrays["plain"] = np.frombuffer(json.dumps(plain).encode(), np.uint8)
    buffer = io.BytesIO()
    np.savez_compressed(buffer, **arrays)
    return buffer.getvalue()


def from_bytes(payload: bytes) -> dict[str, Fitted]:
    """Read what `to_bytes` wrote.

    Raises:
        InputError: The payload is no such file, or of another format.
    """
    try:
        with np.load(io.BytesIO(payload), allow_pickle=False) as file:
            values: dict[str, Any] = dict(file)
        plain = json.loads(values.pop("plain").tobytes())
    except (ValueError, KeyError, OSError, EOFError, zipfile.BadZipFile) as error:
        raise InputError(f"fitted models: {len(payload)} bytes that are not a file of ours: {error}") from error
    if plain["format"] != FORMAT:
        raise InputError(f"fitted models: format {plain['format']}, this version reads {FORMAT}")
    values |= {key: tuple(value) if isinstance(value, list) else value for key, value in plain.items()}
    out = {}
    for name in plain["variables"]:
        parts: dict[str, Any] = {
            part: kind(**{field: values[f"{name}.{part}.{field}"] for field in kind.__dataclass_fields__})
            for part, kind in _PARTS.items()
        }
        out[name] = Fitted(name, **parts)
    return out
