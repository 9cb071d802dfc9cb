"""Whether a request comes from a person's browser or from a program."""

from starlette.requests import Request


def wants_json(request: Request) -> bool:
    """Tell whether the caller asks for JSON: a program, not a browser following a link."""
    accepted = _accepted(request)
    return "application/json" in accepted and "text/html" not in accepted


def wants_page(request: Request) -> bool:
    """Tell whether the caller asks for a page, as browsers do when they follow a link."""
    return "text/html" in _accepted(request)


def wants_csv(request: Request) -> bool:
    """Tell whether the caller asks for a table as CSV."""
    accepted = _accepted(request)
    return "text/csv" in accepted and "application/json" not in accepted


def _accepted(request: Request) -> set[str]:
    """Return the media types of ``Accept`` (RFC 9110 section 12.5.1), without their weights."""
    ranges = request.headers.get("accept", "").split(",")
    return {media_range.split(";")[0].strip().lower() for media_range in ranges}
