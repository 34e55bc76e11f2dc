"""Write the app's API types and index bands from the server: `make web-api`. tests/web/test_generated.py compares."""

import json
import re
from functools import partial
from pathlib import Path
from typing import Any

from brise.formulas.indices.registry import INDICES
from brise.products.tiles import index_scale
from brise.service.api.app import create_app
from brise.service.settings import Settings

FOLDER = Path(__file__).parent / "src" / "api"
PARTS = {
    "rain": ("/v1/rain",),
    "fires": ("/v1/fire",),
    "trackers": ("/v1/owners", "/v1/trackers", "/v1/crowd"),
}
"""Part of the API's types -> the routes whose shapes stand in a file of their own; the rest are air's."""

HEAD = "// Generated from the server by `make web-api`; do not edit.\n\n"


def type_of(schema: dict[str, Any]) -> str:
    """A JSON schema as a TypeScript type."""
    if "$ref" in schema:
        return str(schema["$ref"]).rsplit("/", 1)[-1]
    if "const" in schema:
        return json.dumps(schema["const"])
    if "enum" in schema:
        return " | ".join(json.dumps(value) for value in schema["enum"])
    for key in ("anyOf", "oneOf"):
        if key in schema:
            return " | ".join(dict.fromkeys(type_of(one) for one in schema[key]))
    kind = schema.get("type")
    if kind == "array":
        inner = type_of(schema.get("items", {}))
        return f"({inner})[]" if " | " in inner else f"{inner}[]"
    if kind == "object":
        more = schema.get("additionalProperties")
        if "properties" in schema:
            return "{ " + " ".join(_field(schema, name) for name in schema["properties"]) + " }"
        return f"Record<string, {type_of(more) if isinstance(more, dict) else 'unknown'}>"
    return {"integer": "number", "number": "number", "string": "string", "boolean": "boolean", "null": "null"}.get(
        str(kind), "unknown"
    )


def _field(schema: dict[str, Any], name: str) -> str:
    optional = "" if name in schema.get("required", ()) else "?"
    return f"{name}{optional}: {type_of(schema['properties'][name])};"


def _interface(name: str, schema: dict[str, Any]) -> str:
    if "properties" not in schema:
        return f"export type {name} = {type_of(schema)};\n"
    lines = [f"export interface {name} {{"]
    for field, inner in schema["properties"].items():
        if told := inner.get("description"):
            lines.append(f"  /** {told} */")
        lines.append("  " + _field(schema, field))
    return "\n".join([*lines, "}"]) + "\n"


def _answer(responses: dict[str, Any]) -> str:
    content = responses.get("200", {}).get("content", {})
    json_like = [one for media, one in content.items() if "json" in media and "schema" in one]
    return type_of(json_like[0]["schema"]) if json_like else "string"


def _route(path: str, get: dict[str, Any]) -> str:
    rows = [row for row in get.get("parameters", ()) if row["in"] == "query"]
    query = " ".join(f"{row['name']}{'' if row.get('required') else '?'}: string | number;" for row in rows)
    return f'  "{path}": {{ query: {{ {query} }}; answer: {_answer(get["responses"])} }};'


def _reached(text: str, shapes: dict[str, Any]) -> dict[str, str]:
    """Interfaces of the shapes that a text names, and of those that they name."""
    out: dict[str, str] = {}
    waiting = [text]
    while waiting:
        words = set(re.findall(r"\w+", re.sub(r'/\*.*?\*/|"[^"]*"', "", waiting.pop())))
        for name in words & shapes.keys() - out.keys():
            out[name] = _interface(name, shapes[name])
            waiting.append(out[name])
    return out


def _api() -> dict[str, Any]:
    return create_app(Settings(data_dir=Path("nowhere"))).openapi()  # the description needs no data


def _routes(api: dict[str, Any], within: tuple[str, ...] = ("/v1",)) -> str:
    return "\n".join(
        _route(path, ways["get"])
        for path, ways in sorted(api["paths"].items())
        if "get" in ways and path.startswith(within)
    )


def _shapes() -> dict[str, dict[str, str]]:
    """Interfaces by part: what an earlier part needs stands there, so that parts look back alone."""
    api = _api()
    known = api["components"]["schemas"]
    own = {part: _reached(_routes(api, within), known) for part, within in PARTS.items()}
    everything = _reached(_routes(api) + " Problem", known)
    apart = {name for part in own.values() for name in part}
    own = {"air": _reached(" ".join(["Problem", *(everything.keys() - apart)]), known)} | own
    taken: set[str] = set()
    for part, shapes in own.items():
        own[part] = {name: text for name, text in sorted(shapes.items()) if name not in taken}
        taken |= shapes.keys()
    return own


def shapes_of(part: str) -> str:
    """Interfaces of the shapes that the GET routes of a part answer in, refusals included."""
    parts = _shapes()
    text = "\n".join(parts[part].values())
    words = set(re.findall(r"\w+", re.sub(r'/\*.*?\*/|"[^"]*"', "", text)))
    needed = {other: sorted(words & shapes.keys()) for other, shapes in parts.items() if other != part}
    lines = [f"import type {{ {', '.join(names)} }} from './{other}';" for other, names in needed.items() if names]
    return HEAD + "".join(f"{line}\n" for line in lines) + ("\n" if lines else "") + text


def schema() -> str:
    """All of them by one name."""
    return HEAD + "".join(f"export type * from './{part}';\n" for part in ("air", *PARTS))


def routes() -> str:
    """Every GET route with its query and answer."""
    api = _api()
    told = _routes(api)
    named = sorted(set(re.findall(r"\w+", re.sub(r'"[^"]*"', "", told))) & api["components"]["schemas"].keys())
    return f"{HEAD}import type {{ {', '.join(named)} }} from './schema';\n\nexport interface Routes {{\n{told}\n}}\n"


def bands() -> str:
    """Every index with its bands; `safe` is each band's colour in the palette that needs no colour vision."""
    rows = []
    for index in INDICES.values():
        safe = ["#" + "".join(f"{part:02x}" for part in colour) for colour in index_scale(index, "safe").colours]
        rows.append(
            {
                "name": index.name,
                "title": index.title,
                "ruleSet": index.rule_set,
                "pollutants": index.pollutants,
                "hasValue": index.has_value,
                "bands": [
                    {
                        "key": band.key,
                        "upper": band.upper if band.upper < 1e300 else None,
                        "colour": band.colour,
                        "safe": other,
                        "advice": band.advice,
                    }
                    for band, other in zip(index.bands, safe, strict=True)
                ],
            }
        )
    lines = ",\n".join("  " + json.dumps(row, ensure_ascii=False) for row in rows)
    return f"""{HEAD}export interface Band {{
  key: string;
  /** The value that still belongs to it; null: no end. */
  upper: number | null;
  colour: string;
  safe: string;
  advice: string;
}}

export interface Index {{
  name: string;
  title: string;
  ruleSet: string;
  pollutants: string[];
  hasValue: boolean;
  bands: Band[];
}}

export const INDICES: Index[] = [
{lines},
];
"""


GENERATED = {"schema.ts": schema, "routes.ts": routes, "bands.ts": bands}
GENERATED |= {f"{part}.ts": partial(shapes_of, part) for part in ("air", *PARTS)}

if __name__ == "__main__":
    for name, make in GENERATED.items():
        (FOLDER / name).write_text(make(), encoding="utf-8")
