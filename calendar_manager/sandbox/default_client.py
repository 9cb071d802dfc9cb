"""The OAuth client that every sandbox knows from the start."""

CLIENT_ID = "sandbox-client.apps.googleusercontent.com"
"""It may redirect to any loopback address."""

CLIENT_SECRET = "sandbox-client-secret"  # noqa: S105 - It protects made-up data only.
"""The secret of ``CLIENT_ID``."""
