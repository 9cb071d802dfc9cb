"""The HTML of the consent and error pages."""

from collections.abc import Mapping, Sequence
from html import escape

from calendar_manager.sandbox.google.discovery import SCOPE_PREFIX, read_document

_STYLE = (
    "body{font:16px/1.5 system-ui,sans-serif;max-width:32rem;margin:3rem auto;padding:0 1rem}"
    "fieldset{border:1px solid #bbb;border-radius:.5rem;margin:1rem 0}label{display:block}"
    "button{font:inherit;padding:.4rem 1.2rem;margin-right:.5rem}small{color:#666}"
)


def render_consent(
    carried: Mapping[str, str], scopes: Sequence[str], accounts: Sequence[tuple[str, str]]
) -> str:
    """Return the page: account chooser, one checkbox per calendar scope, Allow and Deny.

    Args:
        carried: The request's parameters, passed on in hidden fields.
        scopes: The scopes asked for, in full names.
        accounts: ``(email, name)`` of each; the one of ``login_hint`` is chosen beforehand.
    """
    hint = carried.get("login_hint", "").lower()
    chosen = hint if hint in {email for email, _ in accounts} else (accounts or [("", "")])[0][0]
    hidden = "".join(
        f'<input type="hidden" name="{escape(name)}" value="{escape(value)}">'
        for name, value in carried.items()
    )
    choices = "".join(
        f'<label><input type="radio" name="account" value="{escape(email)}"'
        f"{' checked' if email == chosen else ''}> {escape(name)} "
        f"<small>{escape(email)}</small></label>"
        for email, name in accounts
    )
    boxes = "".join(_render_scope(scope) for scope in scopes)
    empty = "" if accounts else "<p>This sandbox has no account yet.</p>"
    return _page(
        "Sign in to the sandbox's Google",
        f"<p><b>{escape(carried['client_id'])}</b> wants to access your Google Account.</p>{empty}"
        f'<form method="post" action="auth/decision">{hidden}'
        f"<fieldset><legend>Account</legend>{choices}</fieldset>"
        f"<fieldset><legend>It may</legend>{boxes}</fieldset>"
        '<button name="decision" value="allow">Allow</button>'
        '<button name="decision" value="deny">Deny</button></form>',
    )


def _render_scope(scope: str) -> str:
    if not scope.startswith(f"{SCOPE_PREFIX}calendar"):
        return f"<p>See who you are <small>{escape(scope)}</small></p>"
    described = read_document()["auth"]["oauth2"]["scopes"][scope]["description"]
    return (
        f'<label><input type="checkbox" name="granted" value="{escape(scope)}" checked> '
        f"{escape(described)} <small>{escape(scope)}</small></label>"
    )


def render_error(code: str, detail: str) -> str:
    """Return Google's error page for a request that cannot be redirected."""
    return _page(
        "Access blocked", f"<p>{escape(detail)}</p><p>Error: <code>{escape(code)}</code></p>"
    )


def _page(title: str, content: str) -> str:
    return (
        f'<!doctype html><html lang="en"><head><meta charset="utf-8"><title>{title}</title>'
        f"<style>{_STYLE}</style></head><body><h1>{title}</h1>{content}</body></html>"
    )
