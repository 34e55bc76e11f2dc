"""Ask a live source for a window: fetch, decode, follow what the answer points to."""

import logging
from collections import deque
from collections.abc import Iterator

from brise.conventions.errors import ConfigurationError, DecodeError, InputError, SourceError
from brise.conventions.observations import Batch
from brise.io.download import Client
from brise.io.sources.source import Request, Source, Window

log = logging.getLogger("brise.live")

MOST_REQUESTS = 2000
"""Of one window: half an hour at one a second."""


def fetch_batches(
    client: Client, source: Source, window: Window, key: str | None = None, most: int = MOST_REQUESTS
) -> Iterator[Batch]:
    """Yield what a source has for a window, payload by payload.

    One of several payloads that fails is logged and left out; where every payload fails, the last error is raised.

    Raises:
        InputError: The source is not asked but read from files.
        ConfigurationError: It needs a key and has none.
        SourceError: It did not answer.
        DecodeError: Its answers cannot be read.
        StoreError: A payload could not be kept.
    """
    if source.requests is None:
        raise InputError(f"{source.name} is read from files, not asked")
    if source.key_setting is not None and not key:
        raise ConfigurationError(f"{source.name} needs a key: set {source.key_setting}")
    queue: deque[Request] = deque(source.requests(window, key))
    asked, answered = 0, 0
    failure: SourceError | DecodeError | None = None
    while queue and asked < most:
        request = queue.popleft()
        asked += 1
        try:
            fetched = client.fetch(source.name, request)
            if fetched is not None:
                batch = (request.decode or source.decode)(fetched.payload, fetched.received_at)
                queue.extend(request.follow(fetched.payload) if request.follow else [])
                yield batch
                client.accept(fetched)  # whoever takes the next batch has stored this one
            answered += 1
        except (SourceError, DecodeError) as error:
            failure = error
            log.warning("%s", error)
    if queue:
        log.warning("%s: stopped after %d requests, %d left", source.name, asked, len(queue))
    if failure is not None and not answered:
        raise failure
