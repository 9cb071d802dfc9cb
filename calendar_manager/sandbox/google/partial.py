"""Google's partial responses: the ``fields`` parameter.

Source: https://developers.google.com/workspace/calendar/api/guides/performance#partial-response
"""

import re
from typing import Any

from calendar_manager.sandbox.google.errors import invalid_value

Mask = dict[str, "Mask"]

_TOKEN = re.compile(r"[^,()/\s]+|[,()/]")


def read_mask(fields: str) -> Mask:
    """Return the tree of names that a ``fields`` value selects; an empty branch selects all.

    Raises:
        GoogleApiError: 400, the value does not parse.
    """
    tokens = _TOKEN.findall(fields)
    tokens.reverse()
    mask = _read_list(tokens)
    if tokens or not mask:
        raise invalid_value(f"Invalid field selection {fields}", "fields")
    return mask


def _read_list(tokens: list[str]) -> Mask:
    mask: Mask = {}
    while tokens and tokens[-1] not in {")", ",", "(", "/"}:
        name = tokens.pop()
        branch: Mask = {}
        following = tokens[-1] if tokens else ""
        if following == "/":
            tokens.pop()
            branch = _read_path(tokens)
        elif following == "(":
            tokens.pop()
            branch = _read_list(tokens)
            if not tokens or tokens.pop() != ")":
                raise invalid_value("Invalid field selection", "fields")
        mask.setdefault(name, {}).update(branch)
        if not tokens or tokens[-1] != ",":
            break
        tokens.pop()
    return mask


def _read_path(tokens: list[str]) -> Mask:
    if not tokens or tokens[-1] in {")", ",", "(", "/"}:
        raise invalid_value("Invalid field selection", "fields")
    name = tokens.pop()
    branch: Mask = {}
    if tokens and tokens[-1] == "/":
        tokens.pop()
        branch = _read_path(tokens)
    elif tokens and tokens[-1] == "(":
        tokens.pop()
        branch = _read_list(tokens)
        if not tokens or tokens.pop() != ")":
            raise invalid_value("Invalid field selection", "fields")
    return {name: branch}


def select(value: Any, mask: Mask) -> Any:  # noqa: ANN401 - Any JSON value.
    """Return the parts of a JSON value that the mask names; lists are looked through."""
    if not mask or "*" in mask:
        return value
    if isinstance(value, list):
        return [select(item, mask) for item in value]
    if isinstance(value, dict):
        return {name: select(value[name], branch) for name, branch in mask.items() if name in value}
    return value
