# The gateway in a container: locked, hash-checked packages, no root. Build: docker build -t lukhas .
# Run: docker run -p 8000:8000 -v lukhas:/data -e OPENAI_API_KEY lukhas
FROM python:3.11-slim AS build
WORKDIR /build
RUN python -m venv /opt/lukhas
COPY requirements/run.txt requirements/run.txt
RUN /opt/lukhas/bin/pip install --no-cache-dir --disable-pip-version-check --require-hashes -r requirements/run.txt
COPY pyproject.toml README.md ./
COPY gateway gateway
COPY plugins plugins
COPY policies policies
COPY identity identity
COPY storage storage
RUN /opt/lukhas/bin/pip install --no-cache-dir --disable-pip-version-check --no-deps --no-build-isolation .

FROM python:3.11-slim
RUN useradd --uid 10001 --home-dir /data --shell /usr/sbin/nologin lukhas && install -d -o lukhas -m 0700 /data
COPY --from=build /opt/lukhas /opt/lukhas
# Reached from outside the container, so callers need a key of the settings: pass-through is off (auth.passthrough).
ENV PATH=/opt/lukhas/bin:$PATH PYTHONUNBUFFERED=1 LUKHAS_HOST=0.0.0.0 LUKHAS_PORT=8000 LUKHAS_DATA=/data
USER lukhas
WORKDIR /data
VOLUME /data
EXPOSE 8000
HEALTHCHECK --interval=10s --timeout=3s --start-period=15s \
    CMD ["python", "-c", "import os, urllib.request; urllib.request.urlopen(f'http://127.0.0.1:{os.environ[\"LUKHAS_PORT\"]}/healthz', timeout=2)"]
ENTRYPOINT ["lukhas"]
CMD ["serve"]
