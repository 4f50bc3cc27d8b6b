"""Strict JSON (RFC 8259), and the forms of values that tokens and feed share. Numbers are IEEE 754 doubles."""

from __future__ import annotations

import re
from json import JSONDecoder
from typing import Any, NoReturn, TypeGuard

_GENERATION_LIMIT = 2**31
_LARGEST_SAFE = 2**53 - 1
_LATEST_SECOND = 8_640_000_000_000
_UUID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}")


class _Repeated(dict[str, Any]):
    """An object that names a member twice."""


def _members(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    members = dict(pairs)
    return members if len(members) == len(pairs) else _Repeated(members)


def _refuse_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is not JSON")


_decode_unique = JSONDecoder(object_pairs_hook=_members, parse_constant=_refuse_constant).decode
_decode = JSONDecoder(parse_constant=_refuse_constant).decode


def read_object(data: bytes) -> dict[str, Any] | None:
    """Reads a JSON object whose outermost members have distinct names (RFC 7515, section 4). None for anything else."""
    try:
        value = _decode_unique(data.decode())
    except (ValueError, RecursionError):
        return None
    # Exactly dict: another reader may keep the other one of a repeated member.
    return value if type(value) is dict else None


def parse_json(text: str) -> Any:
    """Returns None for what is not JSON. The parser's own error would quote the data."""
    try:
        return _decode(text)
    except (ValueError, RecursionError):
        return None


def whole(value: Any, lowest: int, highest: int) -> int | None:
    """The value as an integer if it is a whole number in this range, however it is written. A bool is not a number."""
    if type(value) is float and value.is_integer():
        value = int(value)
    return value if type(value) is int and lowest <= value <= highest else None


def user_id_of(value: Any) -> int | None:
    return whole(value, 1, _LARGEST_SAFE)


def generation_of(value: Any) -> int | None:
    return whole(value, 0, _GENERATION_LIMIT - 1)


def seq_of(value: Any) -> int | None:
    return whole(value, 0, _LARGEST_SAFE)


def numeric_date_of(value: Any) -> int | None:
    """Whole seconds since 1970 (RFC 7519, section 2)."""
    return whole(value, 0, _LATEST_SECOND)


def is_session_id(value: Any) -> bool:
    """Lower case only (RFC 9562, section 4), so that each session has one spelling."""
    return isinstance(value, str) and _UUID.fullmatch(value) is not None


def session_key(sid: str) -> bytes:
    """The 16 bytes of a session id: memory for a million of them counts."""
    return bytes.fromhex(sid.replace("-", ""))


def is_text_list(value: Any) -> TypeGuard[list[str]]:
    return isinstance(value, list) and all(type(item) is str for item in value)
