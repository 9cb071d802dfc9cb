"""Clients and their hours."""

from fastapi import APIRouter
from starlette.responses import Response

from calendar_manager.web.viewer import ViewerDep

router = APIRouter(include_in_schema=False)


@router.get("/clients")
def show(viewer: ViewerDep) -> Response:
    """Show the page."""
    return viewer.render("clients.html")
