"""Model files that are not sound, and the kit that makes them: name -> a function from a sound file's bytes to them.

Those made by `rewritten` carry the right hash, as an able attacker's would.
"""

from __future__ import annotations

import hashlib
import json
import struct
from collections.abc import Callable
from typing import Any

ZEROS = "0" * 64
Attack = Callable[[bytes], bytes]


def parts(raw: bytes) -> tuple[dict[str, Any], dict[str, Any], bytes]:
    """Outer JSON, inner JSON and tensors of a sound file."""
    (length,) = struct.unpack("<Q", raw[:8])
    outer = json.loads(raw[8 : 8 + length])
    return outer, json.loads(outer["__metadata__"]["charlstm"]), raw[8 + length :]


def rewritten(
    raw: bytes,
    header: Callable[[Any], Any] = lambda h: h,
    about: Callable[[Any], Any] = lambda a: a,
    data: Callable[[bytes], bytes] = lambda d: d,
    rehash: bool = True,
) -> bytes:
    """A file with parts of it changed. A part that becomes a text is put in as it is."""
    outer, inner, tensors = parts(raw)
    changed = about({**inner, "sha256": ZEROS})
    outer["__metadata__"]["charlstm"] = changed if isinstance(changed, str) else json.dumps(changed, sort_keys=True)
    written = header(outer)
    encoded = written.encode() if isinstance(written, str) else json.dumps(written).encode()
    new = struct.pack("<Q", len(encoded)) + encoded + data(tensors)
    if rehash:
        new = new.replace(ZEROS.encode(), hashlib.sha256(new).hexdigest().encode(), 1)
    return new


def put(key: str, value: object) -> Callable[[dict[str, Any]], dict[str, Any]]:
    return lambda d: {**d, key: value}


def without(key: str) -> Callable[[dict[str, Any]], dict[str, Any]]:
    return lambda d: {k: v for k, v in d.items() if k != key}


def config(**changes: object) -> Callable[[dict[str, Any]], dict[str, Any]]:
    return lambda about: {**about, "config": {**about["config"], **changes}}


def attack(**changes: Any) -> Attack:
    return lambda raw: rewritten(raw, **changes)


def header_of(text: bytes, length: int | None = None) -> Attack:
    """A file with this header, which says of itself that it is so long."""
    return lambda raw: struct.pack("<Q", len(text) if length is None else length) + text


def tensor(name: str, **entry: Any) -> Attack:
    """A file whose header lies about one tensor."""
    return attack(header=lambda h: {**h, name: {**h[name], **entry}})


def swapped(h: dict[str, Any]) -> dict[str, Any]:
    """Two tensors of one size in each other's place: sound but for the hash, which is not made anew."""
    a, b = "lstm.weight_hh_l0", "lstm.weight_hh_l1"
    return {**h, a: h[b], b: h[a]}


def as_float64(value: float) -> Attack:
    """A file whose numbers are all this one, in float64."""

    def wide(header: dict[str, Any]) -> dict[str, Any]:
        return {
            name: entry
            if name == "__metadata__"
            else {**entry, "dtype": "F64", "data_offsets": [2 * n for n in entry["data_offsets"]]}
            for name, entry in header.items()
        }

    return attack(header=wide, data=lambda d: struct.pack("<d", value) * (len(d) // 4))


def filled(value: float) -> Attack:
    """A file whose numbers are all this one."""
    return attack(data=lambda d: struct.pack("<f", value) * (len(d) // 4))


PICKLE = b"cposix\nsystem\n(S'true'\ntR."
HUGE_LIST = b'{"__metadata__":{"charlstm":"{}"},"a":[' + b"0," * 2_000_000 + b"0]}"

# name -> how it is made, and what the message must say
ATTACKS: dict[str, tuple[Attack, str]] = {
    # no model at all
    "nothing": (lambda raw: b"", "does not fit"),
    "seven bytes": (lambda raw: raw[:7], "does not fit"),
    "a pickle": (lambda raw: PICKLE, "does not fit"),
    "a shell script": (lambda raw: b"#!/bin/sh\ntrue\n", "does not fit"),
    "a zip": (lambda raw: b"PK\x03\x04" + bytes(100), "does not fit"),
    # its length
    "a header of 2^63": (header_of(b"{}", 2**63), "does not fit"),
    "a header of 2^64 - 1": (header_of(b"{}", 2**64 - 1), "does not fit"),
    "a header longer than the file": (header_of(b"{}", 100), "does not fit"),
    "an empty header": (header_of(b""), "not a charlstm model"),
    # its JSON
    "100 MB of JSON": (header_of(b"[" * 100_000_000), "does not fit"),
    "as much JSON as is read": (header_of(b"[" * 4_000_000), "too many parts"),
    "a list of two million": (header_of(HUGE_LIST), "too many parts"),
    "a list of two million inside": (
        attack(about=lambda a: '{"training": [' + "0," * 1_500_000 + "0]}", rehash=False),
        "too many parts",
    ),
    "brackets behind an escaped quote": (header_of(b'{"\\"": ' + b"[" * 4_000_000), "too many parts"),
    "brackets behind an escaped backslash": (header_of(b'{"\\\\": ' + b"[" * 4_000_000), "too many parts"),
    "a text without an end": (header_of(b'["' + b"[" * 4_000_000), "not a charlstm model"),
    "a million texts": (header_of(b"[" + b'"",' * 1_000_000 + b"0]"), "too many parts"),
    "deep nesting": (attack(about=lambda a: "[" * 10_000), "not a charlstm model"),
    "a number of a million digits": (attack(about=lambda a: '{"format": ' + "9" * 1_000_000 + "}"), "not a charlstm"),
    "invalid UTF-8": (header_of(b"\xff\xff"), "not a charlstm model"),
    "a key twice": (attack(about=lambda a: json.dumps(a)[:-1] + ', "format": 1}'), "twice"),
    "a tensor twice": (
        attack(header=lambda h: json.dumps(h)[:-1] + ', "head.bias": ' + json.dumps(h["head.bias"]) + "}"),
        "twice",
    ),
    "NaN in its description": (attack(about=lambda a: json.dumps(put("training", {"x": float("nan")})(a))), "NaN"),
    "a header of no kind": (attack(header=lambda h: "[1]", rehash=False), "not a charlstm model"),
    "no metadata": (attack(header=without("__metadata__"), rehash=False), "not a charlstm model"),
    "metadata of no kind": (attack(header=put("__metadata__", [1]), rehash=False), "not a charlstm model"),
    "another program's metadata": (attack(header=put("__metadata__", {"format": "pt"}), rehash=False), "KeyError"),
    "a description of no kind": (attack(about=lambda a: "[]"), "not an object"),
    # its version
    "a format of the future": (attack(about=put("format", 99)), "newer charlstm"),
    "a format of the past": (attack(about=put("format", 0)), "format 0"),
    "a format of no kind": (attack(about=put("format", "x")), "format"),
    "a format that is nearly one": (attack(about=put("format", [1])), "format"),
    # its config
    "no config": (attack(about=without("config")), "KeyError"),
    "a config of no kind": (attack(about=put("config", [])), "not an object"),
    "a config that lies about shapes": (attack(about=config(hidden_size=5)), "shape"),
    "a million layers": (attack(about=config(num_layers=1_000_000)), "num_layers"),
    "a vocabulary of 2^40": (attack(about=config(vocab_size=2**40)), "vocab_size"),
    "cells by the fraction": (attack(about=config(hidden_size=2.5)), "hidden_size"),
    "fewer than no cells": (attack(about=config(hidden_size=-1)), "hidden_size"),
    "truth for a number": (attack(about=config(num_layers=True)), "num_layers"),
    "an unknown cell": (attack(about=config(cell_type="os.system")), "cell_type"),
    "an unknown setting": (attack(about=config(evil="\x1b[31m")), "unknown setting"),
    "an unknown entry": (attack(about=put("code", "print()")), "unknown"),
    # its characters
    "too few characters": (attack(about=put("vocabulary", ["a", "b"])), "2 characters"),
    "one character": (attack(about=put("vocabulary", ["a"])), "2 to 65,536"),
    "repeated characters": (attack(about=put("vocabulary", list("aabc"))), "once"),
    "a lone surrogate": (attack(about=put("vocabulary", ["a", "b", "c", "\ud800"])), "surrogate"),
    "long characters": (attack(about=put("vocabulary", ["a", "b", "c", "de"])), "single"),
    "characters of no kind": (attack(about=put("vocabulary", [1, 2, 3, 4])), "list of characters"),
    "a terminal escape for a character": (attack(about=put("vocabulary", ["a", "b", "c", "\x1b[2J"])), "single"),
    # what it says of its training
    "a training of no kind": (attack(about=put("training", "\x1b[2J")), "not an object"),
    "an opening that it cannot write": (attack(about=put("training", {"opening": "\u0394"})), "opening"),
    "an opening to read for ever": (attack(about=put("training", {"opening": "a" * 100_000})), "opening"),
    "an empty opening": (attack(about=put("training", {"opening": ""})), "opening"),
    "an opening of no kind": (attack(about=put("training", {"opening": ["a"]})), "opening"),
    "a language of its own": (
        attack(about=put("training", {"language": "\x1b[2J"})),
        "its language is not one of pt, en",
    ),
    "a language of no kind": (attack(about=put("training", {"language": ["pt"]})), "its language is not one of pt, en"),
    "a truth for a language": (attack(about=put("training", {"language": False})), "its language is not one of pt, en"),
    "a resume of no kind": (attack(about=put("resume", {"run": 3})), "damaged"),
    "an optimiser of no kind": (
        attack(about=put("resume", {"run": {"train": {"batch_size": 2, "optimizer": ["muon"]}}})),
        "its tensors do not match",
    ),
    "a batch of 2^40": (attack(about=put("resume", {"run": {"train": {"batch_size": 2**40}}})), "batch_size"),
    # its tensors
    "a missing tensor": (attack(header=without("head.bias")), "missing"),
    "an extra tensor": (attack(header=put("x", {"dtype": "F32", "shape": [0], "data_offsets": [0, 0]})), "extra"),
    "an escape for a tensor's name": (attack(header=put("\x1b[2J", {})), "extra"),
    "beyond the end of the file": (tensor("head.bias", data_offsets=[9_999, 10_015]), "damaged"),
    "overlapping": (tensor("head.bias", data_offsets=[0, 16]), "damaged"),
    "backwards": (tensor("head.bias", data_offsets=[16, 0]), "shape"),
    "offsets by the fraction": (tensor("head.bias", data_offsets=[0.0, 16.0]), "shape"),
    "offsets of 2^62": (tensor("head.bias", data_offsets=[2**62, 2**62 + 16]), "damaged"),
    "a negative shape": (tensor("head.bias", shape=[-4], data_offsets=[0, -16]), "shape"),
    "a shape of no kind": (tensor("head.bias", shape={"4": 4}), "shape"),
    "an odd type": (tensor("head.bias", dtype="I32"), "shape"),
    "a type of no kind": (tensor("head.bias", dtype=["F32"]), "shape"),
    "more data": (attack(data=lambda d: d + b"\0"), "bytes of tensors"),
    "less data": (attack(data=lambda d: d[:-4]), "bytes of tensors"),
    "not a number": (attack(data=lambda d: struct.pack("<f", float("nan")) + d[4:]), "infinite or undefined"),
    "infinite": (attack(data=lambda d: d[:-4] + struct.pack("<f", float("-inf"))), "infinite or undefined"),
    "infinite in float32": (as_float64(1e300), "infinite or undefined"),
    "sums that are infinite": (filled(3e38), "so large"),
    "sums that would be infinite in a text": (filled(1e30), "so large"),
    # its hash
    "no hash": (attack(about=without("sha256")), "no hash"),
    "a hash of no length": (attack(about=put("sha256", ""), rehash=False), "hash"),
    "changed after hashing": (attack(data=lambda d: b"\1" + d[1:], rehash=False), "hash"),
    "the wrong hash": (attack(about=put("sha256", "f" * 64), rehash=False), "hash"),
    "a hash in capitals": (
        lambda raw: raw.replace(parts(raw)[1]["sha256"].encode(), parts(raw)[1]["sha256"].upper().encode()),
        "hash",
    ),
    "tensors changed places": (attack(header=swapped, rehash=False), "hash"),
}
