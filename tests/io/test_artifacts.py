"""Trained models on disk: whole or not at all, verified when read, aliases that move in one step."""

import threading

import pytest

from brise.conventions.errors import InputError, NotFoundError, StoreError
from brise.io import artifacts
from brise.io.artifacts import Aliases, Artifacts, digest_of


def files(name="one", weights=b"\x00\x01"):
    return {"card.json": f'{{"family": "test", "name": "{name}", "title": "T"}}'.encode(), "model.onnx": weights}


@pytest.fixture
def store(tmp_path):
    return Artifacts(tmp_path / "artifacts")


def test_what_was_added_is_read(store):
    digest = store.add(files())
    assert digest == digest_of(files())
    assert store.read(digest) == files()
    assert store.add(files()) == digest
    (entry,) = store.entries()
    assert (entry.digest, entry.shipped, entry.card["name"]) == (digest, False, "one")
    assert entry.size == sum(map(len, files().values()))
    assert not list(store.root.glob(".[!l]*"))  # no draft is left, only the lock


def test_the_digest_is_of_names_and_contents():
    assert digest_of({"a": b"1", "b": b"2"}) == digest_of({"b": b"2", "a": b"1"})
    assert len({digest_of(each) for each in ({"a": b"1"}, {"b": b"1"}, {"a": b"2"}, {"a": b"", "b": b"1"})}) == 4


def test_damage_is_noticed(store):
    digest = store.add(files())
    (store.root / digest / "model.onnx").write_bytes(b"\x00\x02")
    with pytest.raises(InputError, match=r"its content has digest .*: damaged or changed"):
        store.read(digest)
    (store.root / digest / "model.onnx").write_bytes(b"\x00\x01")
    (store.root / digest / "more").write_bytes(b"")
    with pytest.raises(InputError, match="damaged or changed"):
        store.read(digest)
    (store.root / digest / "more").unlink()
    (store.root / digest / "more").mkdir()
    with pytest.raises(StoreError, match="cannot be read"):
        store.read(digest)


def test_what_cannot_be_kept_is_refused(store, monkeypatch):
    with pytest.raises(InputError, match=r"a model has a card.json; got model.onnx"):
        store.add({"model.onnx": b""})
    with pytest.raises(InputError, match=r"'../x' cannot name a model's file"):
        store.add(files() | {"../x": b""})
    monkeypatch.setattr(artifacts, "MOST_BYTES", 10)
    with pytest.raises(InputError, match="at most 64 and 10"):
        store.add(files())
    assert not store.root.exists()


def test_a_big_folder_is_not_read(store, monkeypatch):
    digest = store.add(files())
    monkeypatch.setattr(artifacts, "MOST_BYTES", 10)
    with pytest.raises(InputError, match=r"2 files of \d+ bytes; at most 64, 10"):
        store.read(digest)


def test_names(store):
    one, two = store.add(files("one")), store.add(files("two"))
    assert store.resolve("one") == store.resolve(one) == store.resolve(one[:8]) == one
    with pytest.raises(NotFoundError, match="no model 'three'"):
        store.resolve("three")
    with pytest.raises(NotFoundError, match=f"no model '{two[:3]}'"):
        store.resolve(two[:3])  # too short to be meant
    with pytest.raises(NotFoundError, match="no model ffff"):
        store.resolve("f" * 64)
    store.add(files("two", b"other"))
    with pytest.raises(InputError, match="2 models are called 'two'"):
        store.resolve("two")
    with pytest.raises(InputError, match="is no digest"):
        store.read("one")


def test_aliases_move_together_and_remember(store):
    one, two = store.add(files("one")), store.add(files("two"))
    assert store.aliases() == Aliases()
    store.move({"challenger": one}, "trained")
    after = store.move({"champion": one, "challenger": None}, "won")
    assert after.names == store.aliases().names == {"champion": one}
    store.move({"champion": two}, "won again")
    last = store.aliases().history[-1]
    assert (last.alias, last.before, last.after, last.why) == ("champion", one, two, "won again")
    store.move({"champion": "blend"}, "a built-in model")
    with pytest.raises(InputError, match="unknown alias 'king'; known are champion, challenger"):
        store.move({"king": one}, "")
    with pytest.raises(NotFoundError, match="no model eeee"):
        store.move({"champion": "e" * 64}, "")
    assert store.aliases().names == {"champion": "blend"}


def test_the_shipped_champion_counts_until_another_is_named(tmp_path):
    shipped = Artifacts(tmp_path / "weights")
    came = shipped.add(files("came"))
    shipped.move({"champion": came, "challenger": came}, "release")
    store = Artifacts(tmp_path / "artifacts", shipped.root)
    assert store.aliases().names == {"champion": came}
    assert store.read(store.resolve("came")) == files("came")
    assert [one.shipped for one in store.entries()] == [True]
    own = store.add(files("own"))
    assert store.move({"challenger": own}, "trained").names == {"champion": came, "challenger": own}
    shipped.move({"champion": shipped.add(files("newer"))}, "next release")
    assert store.aliases().names["champion"] != came  # a new release's champion counts, too
    store.move({"champion": own}, "won")
    assert store.aliases().names["champion"] == own
    assert store.aliases().history[-1].before is not None


def test_readers_never_see_half_of_a_move(store):
    one, two = store.add(files("one")), store.add(files("two"))
    store.move({"champion": one, "challenger": two}, "")
    done = threading.Event()
    seen = set()

    def look():
        while not done.is_set():
            names = store.aliases().names
            seen.add((names["champion"], names["challenger"]))

    reader = threading.Thread(target=look)
    reader.start()
    for number in range(20):
        pair = (two, one) if number % 2 else (one, two)
        store.move(dict(zip(("champion", "challenger"), pair, strict=True)), "")
    done.set()
    reader.join()
    assert seen <= {(one, two), (two, one)}


def test_a_draft_that_was_left_behind_is_no_model(store):
    digest = store.add(files())
    (store.root / f".{digest_of(files('two'))}").mkdir()
    assert [one.digest for one in store.entries()] == [digest]
    store.add(files("three"))
    assert not list(store.root.glob(".[!l]*"))


def test_comparisons_are_kept(store):
    one = store.add(files())
    assert store.comparison(one, "blend") is None
    store.keep_comparison(one, "blend", {"promote": True})
    assert store.comparison(one, "blend") == {"promote": True}
    with pytest.raises(InputError, match="'a/b' is neither"):
        store.comparison("a/b", "blend")
    (store.root / "comparisons" / f"{one}-over-blend.json").write_text("[]")
    with pytest.raises(InputError, match="damaged: not a JSON object"):
        store.comparison(one, "blend")


@pytest.mark.parametrize("text", ["{", '{"names": []}', '{"history": [{"x": 1}]}'])
def test_damaged_aliases_are_named(store, text):
    store.root.mkdir()
    (store.root / "aliases.json").write_text(text)
    with pytest.raises(InputError, match=r"aliases.json: damaged"):
        store.aliases()


def test_a_disk_that_fails(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(StoreError, match="cannot be written"):
        Artifacts(tmp_path / "file" / "artifacts").add(files())
    store = Artifacts(tmp_path / "artifacts")
    (store.root / "aliases.json").mkdir(parents=True)
    with pytest.raises(StoreError, match="cannot be read"):
        store.aliases()
    digest = store.add(files())
    (store.root / digest / "card.json").write_text("{")
    assert store.entries() == []
