# syntax=docker/dockerfile:1
FROM python:3.13-slim AS build
RUN pip install --no-cache-dir uv
WORKDIR /app
ENV UV_COMPILE_BYTECODE=1 UV_LINK_MODE=copy UV_PYTHON_DOWNLOADS=never
COPY pyproject.toml uv.lock README.md ./
RUN uv sync --locked --no-dev --no-install-project
COPY calendar_manager ./calendar_manager
COPY migrations ./migrations
RUN uv sync --locked --no-dev

FROM python:3.13-slim
RUN useradd --system --create-home --uid 10001 calendar
WORKDIR /app
COPY --from=build --chown=calendar:calendar /app /app
ENV PATH="/app/.venv/bin:$PATH" PYTHONUNBUFFERED=1
USER calendar
EXPOSE 8000
CMD ["uvicorn", "calendar_manager.main:app", "--host", "0.0.0.0", "--port", "8000"]
