# syntax=docker/dockerfile:1
# One image for all processes; which one a container is, its command says.

FROM python:3.13-slim AS build
RUN pip install --no-cache-dir uv
WORKDIR /app
ENV UV_COMPILE_BYTECODE=1 UV_LINK_MODE=copy UV_PYTHON_DOWNLOADS=never
# The packages first: they change less often than the program, and their layer is kept.
COPY pyproject.toml uv.lock README.md LICENSE ./
RUN uv sync --locked --no-dev --no-install-project
COPY calendar_manager ./calendar_manager
COPY migrations ./migrations
RUN uv sync --locked --no-dev

FROM python:3.13-slim
RUN useradd --system --create-home --uid 10001 calendar \
 # Volumes take over the owner of the folder that they are first mounted on.
 && install --directory --owner calendar --mode 0755 /secrets /database /monitoring
WORKDIR /app
# Owned by root: what runs cannot change its own program.
COPY --from=build /app /app
COPY deploy/docker ./deploy/docker
ENV PATH="/app/.venv/bin:$PATH" PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1
# A number, because Kubernetes cannot tell from a name that it is not root.
USER 10001
EXPOSE 8000
ENTRYPOINT ["python", "/app/deploy/docker/entrypoint.py", "/secrets/secrets.env"]
CMD ["uvicorn", "calendar_manager.main:app", "--host", "0.0.0.0", "--port", "8000"]
HEALTHCHECK --interval=10s --timeout=5s --start-period=30s --retries=3 \
  CMD ["python", "-c", "import urllib.request; urllib.request.urlopen('http://127.0.0.1:8000/health/live', timeout=4)"]
