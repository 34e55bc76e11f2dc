"""What the app knows of the server is generated, and says the same in every language."""

import importlib.util
import json
import re
from pathlib import Path

import pytest

from brise.formulas.indices.registry import INDICES

WEB = Path(__file__).resolve().parents[2] / "web"
MESSAGES = sorted((WEB / "src" / "text" / "messages").glob("*.json"))
FIRE = sorted((WEB / "src" / "fire" / "words").glob("*.json"))
ENGLISH = json.loads((WEB / "src" / "text" / "messages" / "en.json").read_text())


def generator():
    spec = importlib.util.spec_from_file_location("generate", WEB / "generate.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.mark.parametrize("name", ["schema.ts", "air.ts", "rain.ts", "fires.ts", "trackers.ts", "routes.ts", "bands.ts"])
def test_the_generated_client_is_current(name):
    made = generator().GENERATED[name]()
    assert (WEB / "src" / "api" / name).read_text() == made, "stale: run `make web-api`"


def test_there_are_eight_languages():
    assert {path.stem for path in MESSAGES} == {"ar", "de", "en", "es", "fr", "hi", "pt", "zh"}


@pytest.mark.parametrize("path", [*MESSAGES, *FIRE], ids=lambda path: f"{path.parent.name}-{path.stem}")
def test_every_language_has_the_same_messages_and_slots(path):
    messages, english = (json.loads(one.read_text()) for one in (path, path.with_name("en.json")))
    assert list(messages) == list(english)
    for key, text in messages.items():
        assert text.strip(), key
        assert set(re.findall(r"\{(\w+)\}", text)) == set(re.findall(r"\{(\w+)\}", english[key])), key


def test_every_band_has_a_word():
    for index in INDICES.values():
        for band in index.bands:
            name = band.key.split(".")[1]
            plain = "above" if re.fullmatch(r"above_\d+", name) else re.sub(r"_\d+$", "", name)
            assert f"band.{band.key}" in ENGLISH or f"band.{plain}" in ENGLISH, band.key


def test_nothing_comes_from_elsewhere():
    for path in [*WEB.glob("*.html"), *(WEB / "src").rglob("*.*"), *(WEB / "public").glob("*.webmanifest")]:
        if path.suffix in {".html", ".ts", ".js", ".svelte", ".css", ".webmanifest"}:
            found = re.findall(r"https?://(?!www\.w3\.org/)[^\s\"'`)]+", path.read_text())
            assert not found, f"{path.name}: {found}"
