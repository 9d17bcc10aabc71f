# syntax=docker/dockerfile:1
# The image of worker, migrations and command line. Without the embedded engine and broker: servers do their work.
FROM python:3.11-slim AS build
ENV PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_NO_CACHE_DIR=1 PYTHONUTF8=1
WORKDIR /src
RUN python -m venv /opt/xuejing
COPY requirements/build.lock requirements/production.lock requirements/
RUN /opt/xuejing/bin/pip install --quiet --require-hashes --only-binary :all: -r requirements/build.lock -r requirements/production.lock
COPY pyproject.toml README.md LICENSE cli.py ./
COPY schemas schemas/
COPY producers producers/
COPY streams streams/
COPY sinks sinks/
COPY reports reports/
COPY web web/
COPY commands commands/
RUN /opt/xuejing/bin/pip install --quiet --no-deps --no-build-isolation --no-index .
# Nothing that installs anything goes into the final image; it is read-only, so bytecode is made here.
RUN /opt/xuejing/bin/python -m compileall -q /opt/xuejing/lib && /opt/xuejing/bin/pip uninstall --quiet --yes setuptools pip

FROM python:3.11-slim
LABEL org.opencontainers.image.title="Xuejing" org.opencontainers.image.licenses="Apache-2.0"
# What PDF and Word reports are set in.
RUN apt-get update -qq && apt-get install -y -qq --no-install-recommends fonts-noto-cjk && rm -rf /var/lib/apt/lists/*
RUN groupadd --gid 10001 xuejing && useradd --uid 10001 --gid 10001 --no-create-home --home-dir /var/lib/xuejing xuejing \
    && install -d -o xuejing -g xuejing -m 0700 /var/lib/xuejing /var/lib/xuejing/schedule /srv/xuejing
COPY --from=build /opt/xuejing /opt/xuejing
ENV PATH=/opt/xuejing/bin:$PATH PYTHONUTF8=1 PYTHONDONTWRITEBYTECODE=1 XUEJING_DATA_DIR=/var/lib/xuejing
USER 10001:10001
WORKDIR /var/lib/xuejing
ENTRYPOINT ["xuejing"]
CMD ["--help"]
