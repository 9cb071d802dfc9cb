"""Lists with OData's options, from ``$top`` to ``$filter``.

Source: https://learn.microsoft.com/en-us/graph/query-parameters
"""

import operator
import re
from collections.abc import Callable, Sequence
from typing import Any

from starlette.responses import Response

from calendar_manager.sandbox.graph.call import Call
from calendar_manager.sandbox.graph.errors import GraphApiError, bad_request

Json = dict[str, Any]

DEFAULT_PAGE_SIZE = 10
"""How many rows a page has when nothing is asked."""

_LARGEST_PAGE = 1000
_OPTIONS = frozenset(
    {"$top", "$skip", "$count", "$select", "$orderby", "$filter", "$expand", "$search"}
)
_OPERATORS: dict[str, Callable[[Any, Any], bool]] = {
    "eq": operator.eq,
    "ne": operator.ne,
    "gt": operator.gt,
    "ge": operator.ge,
    "lt": operator.lt,
    "le": operator.le,
}
_CONDITION = re.compile(r"\s*([\w/]+)\s+(eq|ne|gt|ge|lt|le)\s+('(?:[^']|'')*'|[\w.\-]+)\s*")


def answer_list(call: Call, context: str, rows: Sequence[Json]) -> Response:
    """Return one page of a list, in the way the query asks for.

    Args:
        call: The request.
        context: What is listed, for ``@odata.context``.
        rows: All rows, rendered, in the list's own order.

    Raises:
        GraphApiError: 400, an option that is unknown, unsupported here or malformed.
    """
    query = call.query
    _refuse_unknown(query)
    rows = _order(_filter(rows, query.get("$filter")), query.get("$orderby"))
    size = _read_number(query, "$top", call.preferences.page_size or DEFAULT_PAGE_SIZE)
    if call.state.shared_settings.page_size:
        size = min(size, call.state.shared_settings.page_size)
    offset = _read_number(query, "$skip", 0)
    end = offset + max(1, min(size, _LARGEST_PAGE))
    body: Json = {"@odata.context": call.context(context)}
    if query.get("$count", "").lower() == "true":
        body["@odata.count"] = len(rows)
    body["value"] = [select(row, query.get("$select")) for row in rows[offset:end]]
    if end < len(rows):
        following = {**query, "$skip": str(end)}
        body["@odata.nextLink"] = call.link(call.path, following)
    return call.answer(body)


def select(row: Json, chosen: str | None) -> Json:
    """Return the row with the chosen properties; ids and annotations always stay."""
    if not chosen:
        return row
    names = {name.strip() for name in chosen.split(",")} | {"id"}
    return {name: row[name] for name in row if name in names or name.startswith("@")}


def _refuse_unknown(query: Any) -> None:  # noqa: ANN401 - A mapping of strings.
    for name in query:
        if name.startswith("$") and name not in _OPTIONS:
            raise _invalid_query(f"The query parameter '{name}' is not supported.")
    if "$search" in query:
        raise _invalid_query("This operation does not support $search.")


def _read_number(query: Any, name: str, otherwise: int) -> int:  # noqa: ANN401 - As above.
    text = query.get(name)
    if text is None:
        return otherwise
    if not text.isdecimal():
        raise _invalid_query(f"Invalid value '{text}' for {name} query option found.")
    return int(text)


def _order(rows: Sequence[Json], order: str | None) -> list[Json]:
    ordered = list(rows)
    for part in reversed((order or "").split(",")):
        path, _, direction = part.strip().partition(" ")
        if path:
            ordered.sort(key=lambda row: str(_read(row, path)), reverse=direction == "desc")
    return ordered


def _filter(rows: Sequence[Json], text: str | None) -> Sequence[Json]:
    """Return the rows that meet every condition; conditions are joined by ``and`` only."""
    if text is None:
        return rows
    kept = list(rows)
    for part in re.split(r"\band\b", text):
        match = _CONDITION.fullmatch(part)
        if match is None:
            raise _invalid_query(f"Invalid filter clause: '{part.strip()}'.")
        path, name, literal = match.groups()
        kept = [one for one in kept if _OPERATORS[name](_read(one, path), _read_literal(literal))]
    return kept


def _read(row: Json, path: str) -> str:
    value: Any = row
    for name in path.split("/"):
        if not isinstance(value, dict) or name not in value:
            raise _invalid_query(f"Could not find a property named '{name}' on type 'event'.")
        value = value[name]
    return str(value).lower() if isinstance(value, bool) or value is None else str(value)


def _read_literal(text: str) -> str:
    if text.startswith("'"):
        return text[1:-1].replace("''", "'")
    return "none" if text == "null" else text


def _invalid_query(message: str) -> GraphApiError:
    return bad_request(f"The query specified in the URI is not valid. {message}", "BadRequest")
