"""The OAuth client that the sandbox's Cal.com knows from the start."""

CLIENT_ID = "sandbox0cal0com0client"
"""It may redirect to any loopback address and ask for every scope."""

CLIENT_SECRET = "sandbox-caldotcom-secret"  # noqa: S105 - It protects made-up data only.
"""The secret of ``CLIENT_ID``."""
