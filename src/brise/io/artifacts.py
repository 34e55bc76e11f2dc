"""Trained models on disk: addressed by their content, never changed, and called by aliases that move in one step.

    ROOT/DIGEST/                  the files of one model; the folder's name is the digest of what is in it
    ROOT/aliases.json             champion and challenger, and where they pointed before; replaced in one step
    ROOT/comparisons/A-over-B.json   what the newest comparison of model A with model B found

A second root, read only, holds the models that came with the program; its champion counts until this folder names one.
"""

import hashlib
import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import orjson

from brise.conventions.errors import InputError, NotFoundError, StoreError
from brise.io.cubes import replace_file, writing

CHAMPION, CHALLENGER = "champion", "challenger"
ALIASES = (CHAMPION, CHALLENGER)

MOST_FILES = 64
MOST_BYTES = 1 << 30
"""Of one model together: a gigabyte."""

HISTORY = 100
"""Moves of aliases that are remembered."""

_NAME = re.compile(r"\w[\w.-]{0,99}")
_DIGEST = re.compile(r"[0-9a-f]{64}")
_SHORTEST = 6


@dataclass(frozen=True, slots=True)
class Move:
    """An alias that was pointed elsewhere.

    Attributes:
        time: ISO, UTC.
        alias: Which.
        before: What it named; None = nothing of this folder.
        after: What it names since.
        why: In words.
    """

    time: str
    alias: str
    before: str | None
    after: str | None
    why: str


@dataclass(frozen=True, slots=True)
class Aliases:
    """What aliases.json says: digests, or names of built-in models.

    Attributes:
        names: Alias -> what it names; an alias that is not in it names nothing.
        history: Moves, oldest first.
    """

    names: dict[str, str] = field(default_factory=dict)
    history: tuple[Move, ...] = ()


@dataclass(frozen=True, slots=True)
class Entry:
    """A model in the store: its digest, its card, its size, and whether it came with the program."""

    digest: str
    card: dict[str, Any]
    size: int
    shipped: bool


def digest_of(files: Mapping[str, bytes]) -> str:
    """A model's id: SHA-256 over its lines "name sha256(content)", sorted by name, each ended by a line feed.

    >>> digest_of({"card.json": b"{}"})[:12]
    '66e4c588e10f'
    """
    lines = (f"{name} {hashlib.sha256(content).hexdigest()}\n" for name, content in sorted(files.items()))
    return hashlib.sha256("".join(lines).encode()).hexdigest()


@dataclass(frozen=True, slots=True)
class Artifacts:
    """The store.

    Attributes:
        root: Folder that is written; made when first needed.
        shipped: Folder of the models that came with the program, if there is one.
    """

    root: Path
    shipped: Path | None = None

    def add(self, files: Mapping[str, bytes]) -> str:
        """Keep a model; one that is there already stays as it is.

        Returns:
            Its digest.

        Raises:
            InputError: It has no card.json, too many files, too many bytes, or a name that cannot name a file.
            StoreError: The disk is full or fails; nothing is visible then.
        """
        _check(files)
        digest = digest_of(files)
        with writing(self.root):
            if not (self.root / digest).exists():
                draft = self.root / f".{digest}"
                draft.mkdir()
                for name, content in files.items():
                    replace_file(draft / name, content)
                draft.rename(self.root / digest)
        return digest

    def read(self, digest: str) -> dict[str, bytes]:
        """A model's files, every byte of them as it was added.

        Raises:
            NotFoundError: No such model.
            InputError: Its files are not what its digest says.
            StoreError: The disk fails.
        """
        folder = self._folder(digest)
        try:
            paths = sorted(folder.iterdir())
            size = sum(path.stat().st_size for path in paths)
            if len(paths) > MOST_FILES or size > MOST_BYTES:
                raise InputError(
                    f"model {folder}: {len(paths)} files of {size} bytes; at most {MOST_FILES}, {MOST_BYTES}"
                )
            files = {path.name: path.read_bytes() for path in paths}
        except OSError as error:
            raise StoreError(f"model {folder}: cannot be read: {error}") from error
        found = digest_of(files)
        if found != digest:
            raise InputError(f"model {folder}: its content has digest {found[:12]}: damaged or changed")
        return files

    def entries(self) -> list[Entry]:
        """Every model, by name; one whose card cannot be read is left out.

        Raises:
            StoreError: The disk fails.
        """
        found: dict[str, Entry] = {}
        try:
            for folder, shipped in [(self.root, False), *([(self.shipped, True)] if self.shipped else [])]:
                for path in folder.iterdir() if folder.is_dir() else ():
                    card = _card(path) if _DIGEST.fullmatch(path.name) else None
                    if card is not None and path.name not in found:
                        size = sum(each.stat().st_size for each in path.iterdir())
                        found[path.name] = Entry(path.name, card, size, shipped)
        except OSError as error:
            raise StoreError(f"models {self.root}: cannot be read: {error}") from error
        return sorted(found.values(), key=lambda one: (str(one.card.get("name")), one.digest))

    def resolve(self, name: str) -> str:
        """The digest of a model that is called by its digest, the first digits of it, or the name on its card.

        Raises:
            NotFoundError: None is called so.
            InputError: Several are.
        """
        if _DIGEST.fullmatch(name):
            return self._folder(name).name
        entries = self.entries()
        found = [one.digest for one in entries if one.card.get("name") == name]
        if not found and len(name) >= _SHORTEST:
            found = [one.digest for one in entries if one.digest.startswith(name)]
        if len(found) > 1:
            raise InputError(f"{len(found)} models are called {name!r}: {', '.join(one[:12] for one in found)}")
        if not found:
            raise NotFoundError(f"no model {name!r} in {self.root}; `brise models` lists those there are")
        return found[0]

    def aliases(self) -> Aliases:
        """Where the aliases point; the shipped champion counts where this folder has never named one.

        Raises:
            InputError: An aliases.json is damaged.
            StoreError: The disk fails.
        """
        own = _read_aliases(self.root)
        if CHAMPION in own.names or self.shipped is None:
            return own
        shipped = _read_aliases(self.shipped).names
        return Aliases({**{key: shipped[key] for key in (CHAMPION,) if key in shipped}, **own.names}, own.history)

    def move(self, changes: Mapping[str, str | None], why: str, when: datetime | None = None) -> Aliases:
        """Point aliases elsewhere, all in one step.

        Args:
            changes: Alias -> digest or the name of a built-in model; None takes the alias away.
            why: For people who read the history.
            when: Default: now.

        Returns:
            The aliases as they are then.

        Raises:
            InputError: No such alias.
            NotFoundError: A digest that is not in the store.
            StoreError: The disk is full or fails; the aliases stay.
        """
        strangers = sorted(set(changes) - set(ALIASES))
        if strangers:
            raise InputError(f"unknown alias {strangers[0]!r}; known are {', '.join(ALIASES)}")
        for target in changes.values():
            if target is not None and _DIGEST.fullmatch(target):
                self._folder(target)
        stamp = f"{when or datetime.now(UTC):%Y-%m-%dT%H:%M:%SZ}"
        with writing(self.root):
            own, seen = _read_aliases(self.root), self.aliases()
            moves = [Move(stamp, key, seen.names.get(key), target, why) for key, target in changes.items()]
            names = {key: target for key, target in {**own.names, **changes}.items() if target is not None}
            after = Aliases(names, (*own.history, *moves)[-HISTORY:])
            replace_file(self.root / "aliases.json", orjson.dumps(asdict(after), option=orjson.OPT_INDENT_2))
        return self.aliases()

    def keep_comparison(self, challenger: str, champion: str, found: Mapping[str, Any]) -> None:
        """Keep what a comparison found; a newer one of the same two replaces it.

        Args:
            challenger: Digest or name.
            champion: Digest or name.
            found: JSON.

        Raises:
            StoreError: The disk is full or fails.
        """
        with writing(self.root):
            folder = self.root / "comparisons"
            folder.mkdir(exist_ok=True)
            replace_file(
                folder / _pair(challenger, champion), orjson.dumps(dict(found), option=orjson.OPT_SERIALIZE_NUMPY)
            )

    def comparison(self, challenger: str, champion: str) -> dict[str, Any] | None:
        """The newest comparison of the two; None where there was none.

        Raises:
            InputError: Its file is damaged.
            StoreError: The disk fails.
        """
        return _read_json(self.root / "comparisons" / _pair(challenger, champion))

    def _folder(self, digest: str) -> Path:
        if not _DIGEST.fullmatch(digest):
            raise InputError(f"{digest!r} is no digest: 64 hexadecimal digits")
        for root in (self.root, self.shipped):
            if root is not None and (root / digest).is_dir():
                return root / digest
        raise NotFoundError(f"no model {digest[:12]} in {self.root}; `brise models` lists those there are")


def _check(files: Mapping[str, bytes]) -> None:
    size = sum(len(content) for content in files.values())
    if "card.json" not in files:
        raise InputError(f"a model has a card.json; got {', '.join(sorted(files)) or 'no file'}")
    if len(files) > MOST_FILES or size > MOST_BYTES:
        raise InputError(f"a model of {len(files)} files and {size} bytes; at most {MOST_FILES} and {MOST_BYTES}")
    bad = sorted(name for name in files if not _NAME.fullmatch(name))
    if bad:
        raise InputError(f"{bad[0]!r} cannot name a model's file: letters, digits, '_', '-' and '.' can")


def _pair(challenger: str, champion: str) -> str:
    for name in (challenger, champion):
        if not _NAME.fullmatch(name):
            raise InputError(f"{name!r} is neither a digest nor the name of a model")
    return f"{challenger}-over-{champion}.json"


def _card(folder: Path) -> dict[str, Any] | None:
    try:
        return _read_json(folder / "card.json")
    except InputError:
        return None


def _read_json(path: Path) -> dict[str, Any] | None:
    try:
        found = orjson.loads(path.read_bytes())
    except FileNotFoundError:
        return None
    except ValueError as error:
        raise InputError(f"{path}: damaged: {error}") from error
    except OSError as error:
        raise StoreError(f"{path}: cannot be read: {error}") from error
    if not isinstance(found, dict):
        raise InputError(f"{path}: damaged: not a JSON object")
    return found


def _read_aliases(root: Path) -> Aliases:
    found = _read_json(root / "aliases.json") or {}
    try:
        names = {str(key): str(target) for key, target in found.get("names", {}).items() if key in ALIASES}
        return Aliases(names, tuple(Move(**one) for one in found.get("history", ())))
    except (TypeError, AttributeError) as error:
        raise InputError(f"{root / 'aliases.json'}: damaged: {error}") from error
