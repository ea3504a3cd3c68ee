# syntax=docker/dockerfile:1
# The web API without PyTorch. Research use only. docs/deployment.md says how to build, run and upgrade it.
#   BASE     has python3.11 with venv, and a shell; nothing of it but Python's own version reaches the image
#   RUNTIME  has the same python3.11 at the same place; needs no shell
ARG BASE=python:3.11-slim-bookworm
ARG RUNTIME=${BASE}

FROM ${BASE} AS build
WORKDIR /src
RUN python3.11 -m venv /build && python3.11 -m venv --without-pip /opt/trus
COPY requirements-build.lock requirements-serve.lock ./
# A pip.conf of yours (mirror, credentials) comes as a secret and stays out of the image.
RUN --mount=type=secret,id=pip,target=/etc/pip.conf \
    /build/bin/pip install --no-cache-dir --require-hashes --no-deps --only-binary :all: -r requirements-build.lock \
 && /build/bin/pip --python /opt/trus/bin/python install --no-cache-dir --require-hashes --no-deps \
    --only-binary :all: --no-compile -r requirements-serve.lock
COPY pyproject.toml README.md LICENSE ./
COPY trus ./trus
COPY hydra_plugins ./hydra_plugins
RUN /build/bin/pip wheel --no-cache-dir --no-index --no-deps --no-build-isolation --wheel-dir /wheels . \
 && /build/bin/pip --python /opt/trus/bin/python install --no-cache-dir --no-index --no-deps --no-compile /wheels/*.whl
COPY deploy/slim.py deploy/compile_imports.py /src/
ENV PYTHONPYCACHEPREFIX=/opt/trus/bytecode
RUN /build/bin/python -B slim.py /opt/trus && /opt/trus/bin/python compile_imports.py

FROM ${RUNTIME}
ARG VERSION=unknown
ARG REVISION=unknown
LABEL org.opencontainers.image.title="trus" \
      org.opencontainers.image.description="Segmentation of transrectal ultrasound frames: web API. Research use only." \
      org.opencontainers.image.licenses="Apache-2.0" \
      org.opencontainers.image.version="${VERSION}" \
      org.opencontainers.image.revision="${REVISION}"
COPY --from=build /opt/trus /opt/trus
# The root file system may be read-only: nothing is written but below /tmp.
ENV PATH=/opt/trus/bin:/usr/local/bin:/usr/bin:/bin \
    PYTHONDONTWRITEBYTECODE=1 \
    PYTHONPYCACHEPREFIX=/opt/trus/bytecode \
    PYTHONUNBUFFERED=1 \
    ORT_DISABLE_TELEMETRY=1 \
    HOME=/tmp
WORKDIR /tmp
USER 10001:10001
EXPOSE 8321
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=10s --timeout=5s --start-period=30s --retries=3 CMD ["/opt/trus/bin/python", "-c", \
    "from http.client import HTTPConnection as C; c = C('127.0.0.1', 8321, timeout=4); c.request('GET', '/readyz'); raise SystemExit(c.getresponse().status != 200)"]
ENTRYPOINT ["/opt/trus/bin/trus"]
CMD ["serve", "--model", "/models/model.onnx", "--host", "0.0.0.0", "--token-file", "/run/secrets/trus_tokens"]
