"""The Celery doors: ``celery -A calendar_manager.tasks worker | beat | flower``."""

from calendar_manager.tasks import channels, clients, export, maintenance, sync
from calendar_manager.tasks.application import app

__all__ = ["app", "channels", "clients", "export", "maintenance", "sync"]
