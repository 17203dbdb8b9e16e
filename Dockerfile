# syntax=docker/dockerfile:1
# One image for all roles: `docker run andon` starts everything, `docker run andon worker` a worker.
# docs/deploy.md tells how it is run, and what of it was tried where.

# What runs: production packages and nothing else. `npm ci` would refuse the lock file, which was written
# where the optional packages of other platforms could not be had; `--no-save` keeps to its versions all
# the same. No script of a package runs. TypeScript comes along as an optional peer that nothing here uses.
FROM node:24-bookworm-slim AS packages
WORKDIR /app
COPY package.json package-lock.json ./
RUN npm install --no-save --omit=dev --ignore-scripts --no-audit --no-fund \
  && rm -rf node_modules/typescript node_modules/@typescript

FROM node:24-bookworm-slim AS build
WORKDIR /app
COPY package.json package-lock.json tsconfig.json ./
RUN npm install --no-save --include=dev --ignore-scripts --no-audit --no-fund
COPY src ./src
RUN node src/setup.mjs build

FROM node:24-bookworm-slim
LABEL org.opencontainers.image.title="Andon" \
  org.opencontainers.image.description="A job-queue worker fleet for commerce integration: strict order per queue, stop on failure, retry or skip by a person." \
  org.opencontainers.image.version="0.1.0" \
  org.opencontainers.image.licenses="UNLICENSED"

# With Node's 4 threads, two names that do not resolve hold up every other look-up; only the environment
# sets more. In a container the API is reached from outside it or not at all.
ENV NODE_ENV=production \
  UV_THREADPOOL_SIZE=16 \
  ANDON_HOST=0.0.0.0 \
  ANDON_HEALTH_HOST=0.0.0.0 \
  ANDON_DATA_DIR=/var/lib/andon

# Where the first admin key is kept when no ANDON_BOOTSTRAP_KEY is given; nothing else is ever written.
RUN mkdir /var/lib/andon && chown 1000:1000 /var/lib/andon \
  && printf '#!/bin/sh\nexec node /app/dist/cli.js "$@"\n' > /usr/local/bin/andon \
  && chmod 755 /usr/local/bin/andon

WORKDIR /app
COPY --from=packages /app/node_modules ./node_modules
COPY --from=build /app/dist ./dist
COPY package.json ./
COPY config/andon.yaml config/instructions.json config/known-errors.yaml ./config/
COPY config/mail ./config/mail
COPY config/redis ./config/redis
COPY examples/apparel.csv ./examples/
COPY examples/programs ./examples/programs

# "node" of the base image, as a number: Kubernetes sees that it is not root.
USER 1000:1000
EXPOSE 3000
HEALTHCHECK --interval=15s --timeout=5s --start-period=40s --retries=3 \
  CMD ["node", "dist/cli.js", "health"]
STOPSIGNAL SIGTERM
ENTRYPOINT ["node", "dist/cli.js"]
CMD ["up"]
