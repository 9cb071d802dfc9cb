"""Writes the description of the API to a file: ``python -m calendar_manager.api.write_openapi``.

Nothing has to run and nothing has to be set for it.
"""

import json
import sys
from pathlib import Path

from calendar_manager.api.app import create_app


def render_document() -> str:
    """Return the OpenAPI document as the file holds it, in the order of the application."""
    return json.dumps(create_app().openapi(), indent=2, ensure_ascii=False) + "\n"


if __name__ == "__main__":
    Path(sys.argv[1] if sys.argv[1:] else "docs/openapi.json").write_text(
        render_document(), encoding="utf-8"
    )
