"""What may lie in a queue and is no message for us: every kind that we know, each with a name, and each with a person's
address in it that must be found nowhere afterwards."""

import json
import pickle
import zlib
from base64 import b64encode
from collections.abc import Iterator
from random import Random
from typing import Any
from uuid import uuid4

MARK = "jane@private.example"
FALSE_LINE = f"x\n2026-11-29 00:00:00,000 CRITICAL 1 celery {MARK} a complete false line"
EMBED = {"callbacks": None, "errbacks": None, "chain": None, "chord": None}
LOCATIONS = ("headers", "properties", "body", "content-type", "content-encoding")
ODD_VALUES: tuple[Any, ...] = (None, 7, -1.5, True, "", MARK, FALSE_LINE, [], [[]], {}, {"a": {}}, "\x00", "é" * 50)
FOREIGN_TASKS = (
    "celery.map",
    "celery.chain",
    "celery.chord",
    "celery.backend_cleanup",
    "consent.sumbit",
    MARK,
    FALSE_LINE,
)


def envelope(task: str, args: list[Any], queue: str, /, **headers: Any) -> dict[str, Any]:
    """A message as Celery makes it, valid where task, arguments and queue fit together."""
    message_id = str(uuid4())
    return {
        "body": encoded([args, {}, EMBED]),
        "content-encoding": "utf-8",
        "content-type": "application/json",
        "headers": {"lang": "py", "task": task, "id": message_id, "root_id": message_id, **headers},
        "properties": {
            "correlation_id": message_id,
            "delivery_mode": 2,
            "delivery_info": {"exchange": "", "routing_key": queue},
            "priority": 0,
            "body_encoding": "base64",
            "delivery_tag": str(uuid4()),
        },
    }


def encoded(body: Any) -> str:
    """The body of a message."""
    return b64encode(json.dumps(body).encode()).decode()


def dumped(message: Any) -> bytes:
    """An item of a list."""
    return json.dumps(message).encode()


def junk(task: str, args: list[Any], queue: str) -> Iterator[tuple[str, bytes]]:
    """Every kind, made from a valid message of a queue. Names are unique."""
    yield from _no_json()
    yield from _odd_bodies(task, args, queue)
    yield from _odd_parts(task, args, queue)
    for foreign in FOREIGN_TASKS:
        yield f"task {foreign[:20]!r}", dumped(envelope(foreign, args, queue))
    yield from _not_plain(task, args, queue)


def _no_json() -> Iterator[tuple[str, bytes]]:
    for item in (
        b"",
        b"{",
        b"not json " + MARK.encode(),
        b"\xff\xfe\x00",
        b"7",
        b"null",
        b'"text"',
        b"[]",
        b"{}",
        b"NaN",
    ):
        yield f"item {item[:12]!r}", item
    yield "item nested deeply", b"[" * 50_000
    yield "item nested deeply and whole", b"[" * 5_000 + b"]" * 5_000
    yield "item of many lists", b"[" + b"[]," * 20_000 + b"[]]"
    yield "item of many members", dumped({f"{MARK}{number}": number for number in range(20_000)})
    yield "item with a number of many digits", b'{"body": ' + b"9" * 5_000 + b"}"


def _odd_bodies(task: str, args: list[Any], queue: str) -> Iterator[tuple[str, bytes]]:
    good = envelope(task, args, queue)
    odd: list[Any] = [
        [[MARK], {}],
        {"kind": "erasure", "subjects": [{"email": MARK}]},
        7,
        None,
        [],
        [args],
        [args, {}],
        [args, {}, EMBED, 1],
        [args, [], EMBED],
        [{}, {}, EMBED],
        [MARK, {}, EMBED],
        [args, {MARK: 1}, EMBED],
        [[*args, MARK], {}, EMBED],
        [[], {}, EMBED],
        [[{"email": MARK}], {}, EMBED],
        [[None], {}, EMBED],
        [args, {}, {**EMBED, "callbacks": [{"task": "consent.volumes", "args": [], "kwargs": {}}]}],
        [args, {}, {**EMBED, "chain": [{"task": "celery.map", "args": [], "kwargs": {}}]}],
        [args, {}, {**EMBED, "chord": {"task": MARK}}],
        [args, {}, [MARK]],
    ]
    for number, body in enumerate(odd):
        yield f"body {number}", dumped({**good, "body": encoded(body)})
    for number, text in enumerate(("not base64!", "====", "c2VhbGVk", "é", MARK, b64encode(b"\xff\xfe").decode())):
        yield f"body text {number}", dumped({**good, "body": text})
    plain = {**good, "body": "{", "properties": {**good["properties"], "body_encoding": "utf-8"}}
    yield "plain body", dumped(plain)
    for odd_encoding in ("rot13", MARK, 7, {}):
        properties = {**good["properties"], "body_encoding": odd_encoding}
        yield f"body encoding {odd_encoding!r}", dumped({**good, "properties": properties, "body": "rot13:!"})


def _odd_parts(task: str, args: list[Any], queue: str) -> Iterator[tuple[str, bytes]]:
    for where in LOCATIONS:
        good = envelope(task, args, queue)
        del good[where]
        yield f"no {where}", dumped(good)
        for number, value in enumerate(ODD_VALUES):
            yield f"{where} is odd {number}", dumped({**envelope(task, args, queue), where: value})
    for name in ("id", "task"):
        good = envelope(task, args, queue)
        del good["headers"][name]
        yield f"no {name}", dumped(good)
        for number, value in enumerate(ODD_VALUES):
            yield f"{name} is odd {number}", dumped(envelope(task, args, queue, **{name: value}))
    for number, value in enumerate((str(uuid4()) + "\n", "{" + str(uuid4()) + "}", uuid4().hex, f"urn:uuid:{uuid4()}")):
        yield f"id is nearly one {number}", dumped(envelope(task, args, queue, id=value))
    for name in ("delivery_info", "delivery_tag"):
        good = envelope(task, args, queue)
        del good["properties"][name]
        yield f"no {name}", dumped(good)
        for number, value in enumerate((None, 7, [MARK], True)):
            good = envelope(task, args, queue)
            good["properties"][name] = value
            yield f"{name} is odd {number}", dumped(good)


def _not_plain(task: str, args: list[Any], queue: str) -> Iterator[tuple[str, bytes]]:
    raw = json.dumps([args, {}, EMBED]).encode()
    for way in ("application/x-gzip", "zlib", "bzip2", "lzma", MARK, 7):
        squeezed = envelope(task, args, queue, compression=way)
        yield f"compressed {way!r}", dumped({**squeezed, "body": b64encode(zlib.compress(raw)).decode()})
    bomb = b64encode(zlib.compress(b"0" * 5_000_000, 1)).decode()
    yield "bomb", dumped({**envelope(task, args, queue, compression="zlib"), "body": bomb})
    for kind in ("application/x-python-serialize", "application/x-yaml", "application/x-msgpack", "text/plain", MARK):
        pickled = {**envelope(task, args, queue), "content-type": kind, "content-encoding": "binary"}
        yield f"content {kind}", dumped({**pickled, "body": b64encode(pickle.dumps([args, {}, EMBED])).decode()})
    yield "gigantic", dumped({**envelope(task, args, queue), "more": MARK * 5_000})
    first = {"task": task, "id": str(uuid4()), "args": args, "kwargs": {}, "retries": 0}
    protocol_1 = envelope(task, args, queue)
    yield "protocol 1", dumped({**protocol_1, "headers": {}, "body": encoded(first)})
    yield "hybrid of both protocols", dumped({**protocol_1, "body": encoded(first)})


def random_junk(random: Random, count: int, task: str, args: list[Any], queue: str) -> list[bytes]:
    """So many of them, and valid messages, whole, cut off, or with a byte changed."""
    kinds = [item for _, item in junk(task, args, queue)]
    return [_damaged(random, random.choice([*kinds, dumped(envelope(task, args, queue))])) for _ in range(count)]


def _damaged(random: Random, item: bytes) -> bytes:
    match random.randrange(3):
        case 0:
            return item[: random.randrange(len(item) + 1)]
        case 1 if item:
            place = random.randrange(len(item))
            return item[:place] + random.randbytes(1) + item[place + 1 :]
    return item
