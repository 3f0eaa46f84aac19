# One image for every role (worker, beat, web, flower, migrate, sandbox); docker-compose.yml gives each its command.
# requirements-prod.lock is requirements.lock without the embedded services and the tests; `make lock` writes both.

FROM python:3.13-slim AS build
ENV PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_NO_CACHE_DIR=1
RUN python -m venv /venv
COPY requirements-prod.lock .
RUN /venv/bin/python -m pip install --require-hashes -r requirements-prod.lock
# By name, so that no .env, data folder or repository history gets into a layer.
COPY pyproject.toml README.md /src/
COPY adapters /src/adapters
COPY config /src/config
COPY domain /src/domain
COPY intake /src/intake
COPY ledger /src/ledger
COPY local /src/local
COPY sandbox /src/sandbox
COPY tasks /src/tasks
COPY worker /src/worker
RUN /venv/bin/python -m pip install --no-deps --no-build-isolation /src

FROM python:3.13-slim
RUN useradd --system --no-create-home --home-dir /nonexistent --shell /usr/sbin/nologin --uid 10001 consent
COPY --from=build /venv /venv
ENV PATH=/venv/bin:$PATH PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1 MALLOC_ARENA_MAX=2
# All that lasts is in PostgreSQL: the root file system may be read-only, and only /tmp is written to.
WORKDIR /tmp
USER 10001
EXPOSE 8080
CMD ["consent", "--help"]
