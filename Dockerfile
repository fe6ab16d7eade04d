# One image for all services of ours; compose.yaml tells each its command.
FROM python:3.11.14-slim-bookworm AS build
RUN apt-get update \
 && apt-get install -y --no-install-recommends g++ cmake libsimdjson-dev \
 && rm -rf /var/lib/apt/lists/*
WORKDIR /opt/lob
ENV PIP_NO_CACHE_DIR=1 PIP_DISABLE_PIP_VERSION_CHECK=1
# Address of an index that has torch without CUDA, which spares gigabytes; which version, constraints.txt says. Empty:
# the build of the usual index.
ARG TORCH_INDEX=
COPY pyproject.toml constraints.txt ./
# What others wrote changes seldom: a layer of its own.
RUN python -m venv .venv \
 && python -c "import tomllib; project = tomllib.load(open('pyproject.toml', 'rb')); \
    print(*project['build-system']['requires'], *project['project']['dependencies'], sep='\n')" > packages.txt \
 && .venv/bin/pip install -c constraints.txt ${TORCH_INDEX:+--extra-index-url "$TORCH_INDEX"} -r packages.txt
COPY . .
RUN .venv/bin/pip install --no-deps --no-build-isolation -e .

FROM python:3.11.14-slim-bookworm
RUN apt-get update \
 && apt-get install -y --no-install-recommends libsimdjson14 \
 && rm -rf /var/lib/apt/lists/* \
 && groupadd --gid 10001 lob \
 && useradd --uid 10001 --gid lob --home-dir /opt/lob --no-create-home --shell /usr/sbin/nologin lob
WORKDIR /opt/lob
COPY --from=build /opt/lob /opt/lob
# The volume of that name takes over whose it is.
RUN install --directory --owner=lob --group=lob data
ENV PATH=/opt/lob/.venv/bin:/usr/local/bin:/usr/bin:/bin \
    HOME=/tmp \
    PYTHONUNBUFFERED=1 \
    PYTHONDONTWRITEBYTECODE=1 \
    GIT_PYTHON_REFRESH=quiet \
    OMP_NUM_THREADS=1 \
    DO_NOT_TRACK=true \
    MLFLOW_DISABLE_TELEMETRY=true \
    GX_ANALYTICS_ENABLED=false
USER 10001:10001
CMD ["trader", "--help"]
