"""axe-core in a page: what people with other senses or other hands would stumble over."""

import json
from functools import cache
from pathlib import Path
from typing import Any, Final

from playwright.sync_api import Page

SOURCE: Final = Path(__file__).parent / "vendor" / "axe.min.js"

SERIOUS: Final = {"serious", "critical"}

FOREIGN: Final = {"/docs": [".swagger-ui"]}
"""By page, what somebody else's code draws there, and only that code could mend."""


@cache
def read_source() -> str:
    return SOURCE.read_text(encoding="utf-8")


def find_barriers(page: Page, path: str, *, only_colors: bool = False) -> list[str]:
    """Return what axe-core calls serious or critical on a page.

    Args:
        page: The page, as it stands.
        path: Its address, to know what on it is not ours.
        only_colors: Whether only contrasts are looked at: nothing else depends on the scheme.
    """
    if not page.evaluate("'axe' in window"):
        # Evaluating comes from the debugger, to which the page's policy does not apply.
        page.evaluate(read_source())
    context = {"include": ["html"], "exclude": FOREIGN.get(path, [])}
    options: dict[str, Any] = {"resultTypes": ["violations"]}
    if only_colors:
        options["runOnly"] = ["color-contrast", "link-in-text-block"]
    call = f"axe.run({json.dumps(context)}, {json.dumps(options)})"
    found = page.evaluate(f"{call}.then((answer) => answer.violations)")
    return [describe(one) for one in found if one["impact"] in SERIOUS]


def describe(violation: dict[str, Any]) -> str:
    places = [" ".join(map(str, node["target"])) for node in violation["nodes"][:5]]
    return f"{violation['id']}: {', '.join(places)} ({violation['nodes'][0]['failureSummary']})"
