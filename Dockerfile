# The image: built, packed and installed in the first stage, of which the second takes only the result.
#
#   docker build -t reconfd .
#   docker run -v ./confd:/etc/confd:ro -v reconfd-state:/var/lib/reconfd reconfd -watch -node etcd:2379
#
# docs/installing.md tells about users, volumes and how other containers are reloaded; docs/containers.md about
# the program in the same container.
ARG NODE=node:22-bookworm-slim

FROM ${NODE} AS build
WORKDIR /src
COPY package.json package-lock.json ./
RUN npm ci --no-audit --no-fund
COPY . .
# What is shipped is what npm would install elsewhere.
RUN npm run build && npm pack && npm install --global --prefix /out ./reconfd-*.tgz

FROM ${NODE}
COPY --from=build /out/ /usr/local/
# tini is the first process: it reaps what commands leave behind, which Node cannot, and passes signals on.
RUN command -v tini || { apt-get update && apt-get install -y --no-install-recommends tini && rm -rf /var/lib/apt/lists/*; }
# Whoever --user names can keep its state there: the folder is open to all, as /tmp is.
RUN mkdir -p /etc/confd/conf.d /etc/confd/templates && mkdir -m 1777 /var/lib/reconfd
ENV NODE_ENV=production CONFD_STATE_DIR=/var/lib/reconfd
# Reloads that are owed outlive the container when this is a named volume.
VOLUME /var/lib/reconfd
# What is in work is finished first; give it more than Docker's 10 s with --stop-timeout.
STOPSIGNAL SIGTERM
# The daemon answers. That the store is away, or a template is wrong, is nothing that a restart would mend.
HEALTHCHECK --interval=30s --timeout=10s --start-period=10s \
  CMD reconfd status -json | grep -q '"running": true'
ENTRYPOINT ["tini", "--", "reconfd"]
CMD ["-watch"]
