"""The application registration that the sandbox's Microsoft knows from the start."""

CLIENT_ID = "6f1d2c9e-52d1-4a0e-9d3b-5a6d9b0c1e42"
"""It may redirect to any loopback address."""

CLIENT_SECRET = "sandbox~microsoft-secret"  # noqa: S105 - It protects made-up data only.
"""The secret of ``CLIENT_ID``."""
