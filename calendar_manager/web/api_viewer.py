"""The API's description as a page, with the viewer that is shipped along."""

from fastapi import APIRouter, Request
from starlette.responses import Response

from calendar_manager.web.rendering import render

router = APIRouter(include_in_schema=False)


@router.get("/docs")
def show_api(request: Request) -> Response:
    """Show every route of the API, to read and to try."""
    return render(request, "api.html")
