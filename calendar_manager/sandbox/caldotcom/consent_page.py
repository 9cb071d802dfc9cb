"""The HTML of Cal.com's consent and error pages."""

from collections.abc import Mapping, Sequence
from html import escape

from calendar_manager.sandbox.caldotcom.grants import SCOPES

_STYLE = (
    "body{font:16px/1.5 system-ui,sans-serif;max-width:32rem;margin:3rem auto;padding:0 1rem}"
    "fieldset{border:1px solid #bbb;border-radius:.5rem;margin:1rem 0}label{display:block}"
    "button{font:inherit;padding:.4rem 1.2rem;margin-right:.5rem}small{color:#666}"
)


def render_consent(
    carried: Mapping[str, str], scopes: Sequence[str], accounts: Sequence[tuple[str, str]]
) -> str:
    """Return the page: account chooser, the scopes, Allow and Go back.

    Args:
        carried: The request's parameters, passed on in hidden fields.
        scopes: The scopes asked for; they are granted together or not at all.
        accounts: ``(email, name)`` of each; the first is chosen beforehand.
    """
    hidden = "".join(
        f'<input type="hidden" name="{escape(name)}" value="{escape(value)}">'
        for name, value in carried.items()
    )
    choices = "".join(
        f'<label><input type="radio" name="account" value="{escape(email)}"'
        f"{'' if index else ' checked'}> {escape(name)} <small>{escape(email)}</small></label>"
        for index, (email, name) in enumerate(accounts)
    )
    asked = "".join(f"<li>{escape(SCOPES[name])} <small>{name}</small></li>" for name in scopes)
    empty = "" if accounts else "<p>This sandbox has no Cal.com account yet.</p>"
    return _page(
        "Sign in to the sandbox's Cal.com",
        f"<p><b>{escape(carried['client_id'])}</b> would like access to your Cal.com account."
        f'</p>{empty}<form method="post" action="authorize/decision">{hidden}'
        f"<fieldset><legend>Account</legend>{choices}</fieldset>"
        f"<p>This will allow it to:</p><ul>{asked}</ul>"
        '<button name="decision" value="allow">Allow</button>'
        '<button name="decision" value="deny">Go back</button></form>',
    )


def render_error(detail: str) -> str:
    """Return the page for a request that cannot be redirected."""
    return _page("Cal.com cannot authorize this app", f"<p>{escape(detail)}</p>")


def _page(title: str, content: str) -> str:
    return (
        f'<!doctype html><html lang="en"><head><meta charset="utf-8"><title>{title}</title>'
        f"<style>{_STYLE}</style></head><body><h1>{title}</h1>{content}</body></html>"
    )
