FROM node:24-bookworm-slim AS packages
WORKDIR /app
COPY .npmrc package.json package-lock.json ./
COPY service/package.json service/
# The lockfile pins every version. No install script runs: all native packages come prebuilt. The root's own packages
# are left out: they are for developers, and `node` is for machines without Node 24.
RUN npm ci --omit=dev --ignore-scripts --workspace=service

FROM node:24-bookworm-slim
LABEL org.opencontainers.image.title="chat-auth" \
      org.opencontainers.image.description="Authentication and sessions for a distributed chat platform" \
      org.opencontainers.image.licenses="MIT"
# Internal calls come from other containers, so the internal listener cannot be on loopback. It still needs a service key.
ENV NODE_ENV=production \
    HOST=0.0.0.0 \
    INTERNAL_HOST=0.0.0.0 \
    DATA_DIR=/data
# Used only without DATABASE_URL. Put it on a volume then.
RUN install --directory --owner=node --group=node --mode=0700 /data
WORKDIR /app
# Root owns the files below, so the service cannot change its own code.
COPY --from=packages /app ./
COPY service/assets service/assets
COPY service/bin service/bin
COPY service/src service/src
COPY pages pages
# The user `node`, as a number, because Kubernetes' runAsNonRoot accepts only numbers.
USER 1000:1000
# The internal port is left out, so that `docker run -P` does not publish it.
EXPOSE 8000
# Live, not ready: a restart helps a process that hangs, but not a database that is down. The listener starts once
# the database is migrated, so the first "healthy" also means ready.
HEALTHCHECK --interval=10s --timeout=5s --start-period=90s --retries=3 \
  CMD ["node", "-e", "fetch('http://127.0.0.1:' + (process.env.PORT || 8000) + '/health/live').then((response) => process.exit(response.ok ? 0 : 1), () => process.exit(1))"]
# Process 1 is node itself, so it receives SIGTERM. After SHUTDOWN_DELAY, in-flight requests get 8 s to finish.
ENTRYPOINT ["node", "--disable-warning=ExperimentalWarning"]
CMD ["service/src/main.ts"]
