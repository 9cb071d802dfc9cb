"""Taking an iCalendar text apart without trusting it: one block of lines per VEVENT.

Strict parsers lose a whole feed to one bad line. Here a block is cut out by its BEGIN and END, so
that each event stands or falls alone.
"""

import re
from dataclasses import dataclass, field

_FOLD = re.compile(r"\r?\n[ \t]")
_LINE_END = re.compile(r"\r\n|\r|\n")


@dataclass(frozen=True)
class Line:
    """One unfolded content line: name in upper case, parameters as written, value."""

    name: str
    parameters: dict[str, str]
    value: str


@dataclass
class Blocks:
    """The parts of a text that matter.

    Attributes:
        headers: Properties of VCALENDAR by upper-case name; the first of each.
        events: The unfolded lines of each VEVENT, BEGIN and END included, alarms left out.
        zone_names: For each VTIMEZONE's TZID its ``X-LIC-LOCATION``, where it has one.
        unfinished: How many VEVENTs never ended.
    """

    headers: dict[str, str] = field(default_factory=dict)
    events: list[list[str]] = field(default_factory=list)
    zone_names: dict[str, str] = field(default_factory=dict)
    unfinished: int = 0


def decode(text: str | bytes) -> str:
    """Return the text; bytes are UTF-8, UTF-16 with its mark, or else Latin-1."""
    if isinstance(text, str):
        return text.removeprefix("\ufeff")
    if text.startswith((b"\xff\xfe", b"\xfe\xff")):
        return text.decode("utf-16", errors="replace")
    try:
        return text.decode("utf-8-sig")
    except UnicodeDecodeError:
        return text.decode("latin-1")


def unfold(text: str) -> list[str]:
    """Return the content lines, continued ones joined (RFC 5545, section 3.1)."""
    return _LINE_END.split(_FOLD.sub("", text))


def read_line(text: str) -> Line | None:
    """Return a content line's parts, or None when it has no name or no value."""
    quoted = False
    for at, character in enumerate(text):
        if character == '"':
            quoted = not quoted
        elif character == ":" and not quoted:
            head, value = text[:at], text[at + 1 :]
            break
    else:
        return None
    name, *parameters = re.split(r';(?=(?:[^"]*"[^"]*")*[^"]*$)', head)
    pairs = (parameter.partition("=") for parameter in parameters)
    return Line(
        name.strip().upper(),
        {key.strip().upper(): value.strip().strip('"') for key, _, value in pairs},
        value,
    )


def split_blocks(text: str) -> Blocks:
    """Return the events, headers and zone names of one or more VCALENDARs."""
    blocks = Blocks()
    event: list[str] | None = None
    inner: list[str] = []
    zone_id = ""
    for raw in unfold(text):
        mark = raw.strip().upper()
        if mark == "BEGIN:VEVENT":
            blocks.unfinished += event is not None
            event, inner = [raw.strip()], []
        elif mark == "END:VEVENT":
            if event is not None:
                blocks.events.append([*event, raw.strip()])
            event = None
        elif event is not None:
            _take_event_line(event, inner, raw, mark)
        else:
            zone_id = _take_calendar_line(blocks, raw, zone_id)
    blocks.unfinished += event is not None
    return blocks


def _take_event_line(event: list[str], inner: list[str], raw: str, mark: str) -> None:
    """Add a line of a VEVENT unless a component inside it, such as an alarm, owns it."""
    if mark.startswith("BEGIN:"):
        inner.append(mark[6:])
    elif mark.startswith("END:"):
        if inner:
            inner.pop()
    elif not inner and raw.strip():
        event.append(raw)


def _take_calendar_line(blocks: Blocks, raw: str, zone_id: str) -> str:
    """Note a header or a zone's name; return the TZID of the VTIMEZONE that is open."""
    line = read_line(raw)
    if line is None:
        return zone_id
    if line.name == "TZID":
        return line.value.strip()
    if line.name == "X-LIC-LOCATION":
        blocks.zone_names.setdefault(zone_id, line.value.strip())
    elif line.name.startswith("X-WR-"):
        blocks.headers.setdefault(line.name, line.value.strip())
    return "" if line.name == "END" and line.value.strip().upper() == "VTIMEZONE" else zone_id
