# Reeldrop as a container: docs/container.md. Build it from a checkout with `docker build -t reeldrop .`

FROM python:3.12-slim AS build
ENV PIP_NO_CACHE_DIR=1 PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_ROOT_USER_ACTION=ignore
WORKDIR /src
COPY config/container/requirements-build.txt config/container/requirements.txt config/container/
RUN pip install --require-hashes --only-binary=:all: -r config/container/requirements-build.txt \
    && python -m venv --without-pip /opt/reeldrop \
    && pip --python /opt/reeldrop/bin/python install \
        --require-hashes --only-binary=:all: -r config/container/requirements.txt
COPY pyproject.toml README.md LICENSE ./
COPY daemon daemon
RUN pip wheel --no-deps --no-index --no-build-isolation --wheel-dir /wheels . \
    && pip --python /opt/reeldrop/bin/python install --no-deps --no-index /wheels/*.whl
COPY config/container config/container
RUN install -D -m 0755 config/container/entrypoint.sh /image/usr/local/bin/reeldrop \
    && install -D -m 0644 config/container/reeldrop.toml /image/etc/reeldrop/reeldrop.toml

FROM python:3.12-slim
LABEL org.opencontainers.image.title="Reeldrop" \
    org.opencontainers.image.description="A folder that restyles the clips dropped into it." \
    org.opencontainers.image.licenses="Apache-2.0"
# STATE_DIRECTORY: the store lies there unless the settings name another place. HOME need not be writable.
ENV LANG=C.UTF-8 PYTHONUNBUFFERED=1 HOME=/state STATE_DIRECTORY=/state
COPY --from=build /opt/reeldrop /opt/reeldrop
COPY --from=build /image/ /
# A new volume takes these modes over, and whoever the container is started as must be able to work in it.
RUN install -d -m 0777 /inbox /outbox /state
VOLUME ["/inbox", "/outbox", "/state"]
# No USER: what is installed as /usr/local/bin/reeldrop leaves root behind, for PUID:PGID.
ENTRYPOINT ["reeldrop"]
CMD ["run"]
HEALTHCHECK --interval=60s --timeout=20s --start-period=60s CMD ["reeldrop", "status", "--health"]
# Last: a new version or revision makes no layer anew.
ARG VERSION=""
ARG REVISION=""
LABEL org.opencontainers.image.version="${VERSION}" \
    org.opencontainers.image.revision="${REVISION}"
