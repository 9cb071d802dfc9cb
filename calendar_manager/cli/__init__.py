"""The command line: everything on one machine, and the work of those who run an installation."""

from calendar_manager.cli.application import app

__all__ = ["app"]
