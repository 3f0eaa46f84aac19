# One image for every role (worker, beat, web, flower, migrate); docker-compose.yml gives each its command, and only the
# settings that it needs. `--target sandbox` is the same with the sandbox's vendors, to try things out.
# requirements-prod.lock is requirements.lock without the embedded services and the tests; `make lock` writes both.

FROM python:3.13-slim AS build
ENV PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_NO_CACHE_DIR=1
COPY requirements-prod.lock .
# Two environments, so that what builds is not in what runs: /venv is without pip and without hatchling.
RUN python -m venv /build && python -m venv --without-pip /venv \
 && /build/bin/python -m pip install --require-hashes -r requirements-prod.lock
RUN python -m pip --python /venv/bin/python install --require-hashes -r requirements-prod.lock \
 && python -m pip --python /venv/bin/python uninstall --yes hatchling pathspec pluggy trove-classifiers
# By name, so that no .env, data folder or repository history gets into a layer.
COPY pyproject.toml README.md /src/
COPY adapters /src/adapters
COPY answers /src/answers
COPY cli /src/cli
COPY config /src/config
COPY domain /src/domain
COPY evidence /src/evidence
COPY intake /src/intake
COPY ledger /src/ledger
COPY local /src/local
COPY sandbox /src/sandbox
COPY tasks /src/tasks
COPY web /src/web
COPY worker /src/worker
RUN /build/bin/python -m pip wheel --no-deps --no-build-isolation --wheel-dir /wheels /src \
 && python -m pip --python /venv/bin/python install --no-deps /wheels/*.whl \
 && rm -r /venv/lib/python3.13/site-packages/sandbox

FROM python:3.13-slim AS production
RUN useradd --system --no-create-home --home-dir /nonexistent --shell /usr/sbin/nologin --uid 10001 consent \
 && rm -rf /usr/local/lib/python3.13/site-packages/pip* /usr/local/lib/python3.13/ensurepip /usr/local/bin/pip*
COPY --from=build /venv /venv
ENV PATH=/venv/bin:$PATH PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1 MALLOC_ARENA_MAX=2
# A volume that is mounted here belongs to the workers, who keep the evidence log's copy in it.
RUN install --directory --owner=10001 /audit
# All else that lasts is in PostgreSQL: the root file system may be read-only, and only /tmp is written to.
WORKDIR /tmp
USER 10001
EXPOSE 8080
CMD ["consent", "--help"]

FROM production AS sandbox
COPY sandbox /sandbox/sandbox
ENV PYTHONPATH=/sandbox
CMD ["python", "-m", "sandbox", "--host", "127.0.0.1", "--port", "9400"]

# What `docker build .` makes.
FROM production
