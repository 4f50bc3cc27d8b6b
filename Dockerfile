FROM node:24-bookworm-slim AS packages
WORKDIR /app
COPY .npmrc package.json package-lock.json ./
COPY service/package.json service/
# The lockfile decides. No install script runs: what the service needs comes ready-made. The root's own packages
# are left out: they are for developers, and `node` is for machines without Node 24.
RUN npm ci --omit=dev --ignore-scripts --workspace=service

FROM node:24-bookworm-slim
LABEL org.opencontainers.image.title="chat-auth" \
      org.opencontainers.image.description="Authentication and sessions for a distributed chat platform" \
      org.opencontainers.image.licenses="MIT"
# Internal calls come from other containers, so loopback would be of no use; they need a service key all the same.
ENV NODE_ENV=production \
    HOST=0.0.0.0 \
    INTERNAL_HOST=0.0.0.0 \
    DATA_DIR=/data
# Written to only when no DATABASE_URL is set; keep it in a volume then.
RUN install --directory --owner=node --group=node --mode=0700 /data
WORKDIR /app
# Everything below belongs to root: the service cannot change its own code.
COPY --from=packages /app ./
COPY service/bin service/bin
COPY service/src service/src
# The user `node`, as a number: Kubernetes' runAsNonRoot believes only numbers.
USER 1000:1000
# The internal port is not named, so that `docker run -P` does not publish it.
EXPOSE 8000
# Live, not ready: a process that hangs is cured by a restart, a database that is away is not. It answers only once
# the database has been reached and migrated, so the first "healthy" means ready too.
HEALTHCHECK --interval=10s --timeout=5s --start-period=90s --retries=3 \
  CMD ["node", "-e", "fetch('http://127.0.0.1:' + (process.env.PORT || 8000) + '/health/live').then((answer) => process.exit(answer.ok ? 0 : 1), () => process.exit(1))"]
# Process 1 is node itself, so SIGTERM reaches it: after SHUTDOWN_DELAY it answers what is under
# way and ends, within 8 s.
ENTRYPOINT ["node", "--disable-warning=ExperimentalWarning"]
CMD ["service/src/main.ts"]
