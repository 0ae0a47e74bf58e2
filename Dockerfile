# The image. The first stage builds, packs and installs reconfd; the second takes only the result.
#
#   docker build -t reconfd .
#   docker run -v ./confd:/etc/confd:ro -v reconfd-state:/var/lib/reconfd reconfd -watch -node etcd:2379
#
# docs/installing.md describes users, volumes and the reload of other containers; docs/containers.md a program
# in the same container.
ARG NODE=node:22-bookworm-slim

FROM ${NODE} AS build
WORKDIR /src
COPY package.json package-lock.json ./
RUN npm ci --no-audit --no-fund
COPY . .
# Installs the same package that npm installs elsewhere.
RUN npm run build && npm pack && npm install --global --prefix /out ./reconfd-*.tgz

FROM ${NODE}
COPY --from=build /out/ /usr/local/
# tini is the first process: it reaps orphans of commands, which Node cannot, and forwards signals.
RUN command -v tini || { apt-get update && apt-get install -y --no-install-recommends tini && rm -rf /var/lib/apt/lists/*; }
# Any user of --user can keep its state there: the folder is open to all, as /tmp is.
RUN mkdir -p /etc/confd/conf.d /etc/confd/templates && mkdir -m 1777 /var/lib/reconfd
# TINI_SUBREAPER: in a shared process namespace, tini is not the first process, but reaps all the same.
ENV NODE_ENV=production CONFD_STATE_DIR=/var/lib/reconfd TINI_SUBREAPER=1
# With a named volume, owed reloads survive the container.
VOLUME /var/lib/reconfd
# Running work finishes first; allow more than Docker's 10 s with --stop-timeout.
STOPSIGNAL SIGTERM
# Healthy if the daemon answers. A restart would not help against an unreachable store or a bad template.
HEALTHCHECK --interval=30s --timeout=10s --start-period=10s \
  CMD reconfd status -json | grep -q '"running": true'
ENTRYPOINT ["tini", "--", "reconfd"]
CMD ["-watch"]
