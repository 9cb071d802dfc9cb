"""The HTTP door: FastAPI routes that ask and answer, and decide nothing."""
