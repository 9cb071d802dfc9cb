"""The application for ASGI servers: ``uvicorn calendar_manager.main:app``."""

from calendar_manager.api.app import create_app

app = create_app()
