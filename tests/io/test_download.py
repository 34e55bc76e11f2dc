"""The client against a server in this process: polite, bounded, and silent about keys."""

import gzip
import logging
import threading
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import httpx
import numpy as np
import pytest

from brise.conventions.errors import ConfigurationError, InputError, SourceError, StoreError
from brise.io.download import Client, Clock, Limits
from brise.io.raw import RawStore
from brise.io.sources.live import fetch_batches
from brise.io.sources.registry import SOURCES
from brise.io.sources.source import Request, Window

NOW = datetime(2024, 5, 1, 12, tzinfo=UTC)
SECRET = "s3cret-key"
ASK = Request("https://air.example/v1/data", {"bbox": "1,2", "token": SECRET}, {"X-API-Key": SECRET + "-2"})


class FakeTime:
    """A clock that only sleeping moves."""

    def __init__(self):
        self.seconds, self.slept = 0.0, []

    def sleep(self, seconds):
        self.slept.append(seconds)
        self.seconds += seconds

    @property
    def clock(self):
        return Clock(lambda: self.seconds, self.sleep, lambda: NOW + timedelta(seconds=self.seconds))


def client(answers, time=None, raw=None, **limits):
    """A client whose host gives these answers in turn, and the requests it saw."""
    seen, left = [], list(answers)

    def answer(request):
        seen.append(request)
        now = left.pop(0) if len(left) > 1 else left[0]
        if isinstance(now, Exception):
            raise now
        return now(request) if callable(now) else now

    limits = Limits(**{"spacing_s": {"": 0.0}} | limits)
    made = Client(raw, limits, np.random.default_rng(1), (time or FakeTime()).clock, httpx.MockTransport(answer))
    return made, seen


def test_a_payload_is_kept_before_anyone_decodes_it(tmp_path):
    made, _ = client([httpx.Response(200, content=b"<html>oops</html>")], raw=RawStore(tmp_path))
    with made:
        fetched = made.fetch("openaq", ASK)
    assert fetched.payload == b"<html>oops</html>"
    assert fetched.received_at == NOW
    assert gzip.decompress(fetched.path.read_bytes()) == fetched.payload
    assert SECRET not in str(fetched.path)


def test_what_may_heal_is_tried_again_with_growing_jittered_waits():
    time = FakeTime()
    made, seen = client([httpx.Response(500), httpx.ConnectTimeout("x"), httpx.Response(200, content=b"1")], time)
    assert made.fetch("a", ASK).payload == b"1"
    assert len(seen) == 3
    first, second = time.slept
    assert 0 <= first <= 2
    assert 0 <= second <= 4


def test_retry_after_is_obeyed_in_both_spellings():
    time = FakeTime()
    date = format_datetime(NOW + timedelta(seconds=47), usegmt=True)
    made, _ = client([httpx.Response(429, headers={"Retry-After": "17"}),
                      httpx.Response(503, headers={"Retry-After": date}), httpx.Response(200)], time)  # fmt: skip
    made.fetch("a", ASK)
    np.testing.assert_allclose(time.slept, [17, 30], atol=1e-9)  # exact sums of small floats


def test_an_allowance_that_is_used_up_is_waited_for():
    time = FakeTime()
    left = {"x-ratelimit-remaining": "0", "x-ratelimit-reset": "25"}
    moment = {"RateLimit-Remaining": "0", "RateLimit-Reset": str(int((NOW + timedelta(seconds=65)).timestamp()))}
    made, _ = client(
        [httpx.Response(200, headers=left), httpx.Response(200, headers=moment), httpx.Response(200)], time
    )
    for _ in range(3):
        made.fetch("a", ASK)
    np.testing.assert_allclose(time.slept, [25, 40], atol=1e-9)


def test_requests_to_a_host_are_spaced_and_other_hosts_do_not_wait():
    time = FakeTime()
    made, _ = client([httpx.Response(200)], time, spacing_s={"": 0.0, "air.example": 2.0})
    made.fetch("a", ASK)
    made.fetch("a", Request("https://other.example/"))
    assert time.slept == []
    made.fetch("a", ASK)
    assert time.slept == [2.0]


def test_a_wait_beyond_the_deadline_is_an_error():
    made, seen = client([httpx.Response(429, headers={"Retry-After": "3600"})])
    with pytest.raises(SourceError, match=r"the host is free in 3600 s, later than the deadline of 120 s"):
        made.fetch("a", ASK)
    assert len(seen) == 1


def test_it_gives_up():
    made, seen = client([httpx.ReadTimeout("slow")])
    with pytest.raises(SourceError, match=r"no answer within 20 s \(ReadTimeout\), after 4 attempts"):
        made.fetch("a", ASK)
    assert len(seen) == 4
    made, _ = client([httpx.ConnectError("x")], attempts=1)
    with pytest.raises(SourceError, match=r"the connection failed \(ConnectError\), after 1 attempts"):
        made.fetch("a", ASK)
    made, _ = client([httpx.Response(200)], attempts=0)
    with pytest.raises(SourceError, match=r"no attempt allowed"):
        made.fetch("a", ASK)


def test_only_what_changed_is_asked_for_once_it_was_accepted():
    sent = {"ETag": '"v1"', "Last-Modified": "Wed, 01 May 2024 11:00:00 GMT"}
    whole = [httpx.Response(200, content=b"1", headers=sent) for _ in range(2)]
    made, seen = client([*whole, httpx.Response(304)])
    first = made.fetch("a", ASK)
    second = made.fetch("a", ASK)  # storing the first may have failed: asked whole again
    assert "if-none-match" not in seen[1].headers
    assert first.payload == second.payload
    made.accept(second)
    assert made.fetch("a", ASK) is None
    assert seen[2].headers["if-none-match"] == '"v1"'
    assert seen[2].headers["if-modified-since"] == sent["Last-Modified"]
    made.fetch("a", Request(ASK.url, {"bbox": "3,4"}))
    assert "if-none-match" not in seen[3].headers


def test_a_body_beyond_the_limit_is_cut_off():
    stated, _ = client([httpx.Response(200, headers={"Content-Length": "5000000000"}, content=b"")])
    with pytest.raises(SourceError, match=r"5000000000 bytes, more than the limit of 268435456"):
        stated.fetch("a", ASK)
    read = []

    def gigabyte():
        for _ in range(1024):
            read.append(1)
            yield bytes(2**20)

    unstated, _ = client([lambda _r: httpx.Response(200, content=gigabyte())], max_bytes=2**23)
    with pytest.raises(SourceError, match=r"more than the limit of 8388608 bytes"):
        unstated.fetch("a", ASK)
    assert len(read) < 12
    bomb = httpx.Response(200, headers={"Content-Encoding": "gzip"}, content=gzip.compress(bytes(2**25)))
    pressed, _ = client([bomb], max_bytes=2**23)
    with pytest.raises(SourceError, match=r"more than the limit of 8388608 bytes"):
        pressed.fetch("a", ASK)


def test_a_corrupt_transfer_encoding_is_tried_again():
    bad = httpx.Response(200, headers={"Content-Encoding": "gzip"}, stream=httpx.ByteStream(b"not gzip"))
    made, _ = client([bad], attempts=1)
    with pytest.raises(SourceError, match=r"the body's content encoding is corrupt"):
        made.fetch("a", ASK)


def test_a_dripping_body_ends_at_the_deadline():
    time = FakeTime()

    def drip():
        for _ in range(100):
            time.sleep(5)
            yield bytes(2**16)

    made, _ = client([lambda _r: httpx.Response(200, content=drip())], time)
    with pytest.raises(SourceError, match=r"bytes within the deadline of 120 s"):
        made.fetch("a", ASK)


@pytest.mark.parametrize("status", [301, 400, 401, 404, 410])
def test_a_refusal_is_one_line_without_keys(status):
    said = f"bad token {SECRET} and {SECRET}-2\nsorry".encode()
    made, seen = client([httpx.Response(status, content=said)])
    with pytest.raises(
        SourceError, match=rf"a: https://air.example/v1/data .*HTTP {status}: 'bad token \*\*\*"
    ) as caught:
        made.fetch("a", ASK)
    assert len(seen) == 1
    assert SECRET not in str(caught.value)
    assert "\n" not in str(caught.value)


def test_keys_are_never_logged_nor_chained(caplog):
    caplog.set_level(logging.DEBUG)
    made, seen = client([httpx.Response(500), httpx.Response(404)])
    with pytest.raises(SourceError) as caught:
        made.fetch("a", ASK)
    assert SECRET in str(seen[0].url)  # it did travel
    assert SECRET not in caplog.text
    assert SECRET not in repr(ASK)
    assert caught.value.__cause__ is None


def test_only_https_leaves_this_machine():
    made, _ = client([httpx.Response(200)])
    with pytest.raises(InputError, match=r"a: http://air.example/ is not https"):
        made.fetch("a", Request("http://air.example/"))


def test_a_full_disk_stops_the_fetch_and_is_not_remembered(tmp_path, monkeypatch):
    made, seen = client([httpx.Response(200, content=b"1", headers={"ETag": "v"})], raw=RawStore(tmp_path))
    (tmp_path / "a").write_text("a file where the folder should be")
    with pytest.raises(StoreError, match=r"raw payload of a: cannot write"):
        made.fetch("a", ASK)
    (tmp_path / "a").unlink()
    assert made.fetch("a", ASK).path.exists()
    assert "if-none-match" not in seen[1].headers


def test_against_a_real_socket():
    class Handler(BaseHTTPRequestHandler):
        tries = 0

        def do_GET(self):
            Handler.tries += 1
            self.send_response(503 if Handler.tries == 1 else 200)
            body = b"" if Handler.tries == 1 else b"payload"
            self.send_header("Content-Length", str(len(body) + (5 if Handler.tries == 2 else 0)))  # cut short once
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_arguments):
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        with Client(limits=Limits(timeout_s=5, backoff_s=0.001, spacing_s={"": 0.0})) as made:
            got = made.fetch("a", Request(f"http://127.0.0.1:{server.server_port}/"))
        assert (got.payload, Handler.tries) == (b"payload", 3)
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


WINDOW = Window(NOW - timedelta(hours=1), NOW, (54.0, 10.0, 55.0, 11.0))


def test_a_window_follows_what_the_answers_point_to(pytestconfig):
    data = pytestconfig.rootpath / "tests" / "data" / "sources"
    listing, latest = ((data / f"openaq_{name}.json").read_bytes() for name in ("locations", "latest"))
    made, seen = client([lambda r: httpx.Response(200, content=latest if "latest" in str(r.url) else listing)])
    batches = list(fetch_batches(made, SOURCES["openaq"], WINDOW, SECRET))
    assert [len(b.observations) for b in batches] == [0, 2]
    assert [r.headers["x-api-key"] for r in seen] == [SECRET, SECRET]
    assert len(list(fetch_batches(made, SOURCES["openaq"], WINDOW, SECRET, most=1))) == 1


def test_a_window_survives_one_bad_answer_but_not_only_bad_ones(pytestconfig):
    data = pytestconfig.rootpath / "tests" / "data" / "sources"
    listing = (data / "openaq_locations.json").read_bytes()
    made, _ = client([httpx.Response(200, content=listing), httpx.Response(200, content=b"<html>")])
    assert len(list(fetch_batches(made, SOURCES["openaq"], WINDOW, SECRET))) == 1
    made, _ = client([httpx.Response(401, content=b"no")])
    with pytest.raises(SourceError, match=r"HTTP 401"):
        list(fetch_batches(made, SOURCES["openaq"], WINDOW, SECRET))
    with pytest.raises(ConfigurationError, match=r"openaq needs a key: set openaq_key"):
        list(fetch_batches(made, SOURCES["openaq"], WINDOW))
    with pytest.raises(InputError, match=r"archive is read from files"):
        list(fetch_batches(made, SOURCES["archive"], WINDOW))
