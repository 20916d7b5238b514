# One image for the converter, the notifier, the web page and the CLI; compose names the program.
#   docker build --tag herald .                      converts documents: LibreOffice and fonts
#   docker build --tag herald:slim --target slim .   without these
FROM node:24-bookworm-slim AS packages
WORKDIR /herald
COPY package.json package-lock.json ./
COPY proto/package.json proto/
COPY runtime/package.json runtime/
COPY broker/package.json broker/
COPY converter-service/package.json converter-service/
COPY client/package.json client/
COPY client/bin client/bin
COPY notifier-service/package.json notifier-service/
COPY notifier-service/bin notifier-service/bin

FROM packages AS build
RUN --mount=type=cache,target=/root/.npm \
    npm ci --ignore-scripts --no-fund --no-audit --include-workspace-root \
    -w proto -w runtime -w broker -w converter-service -w client -w notifier-service
COPY . .
# A room refers to the rooms of its tests, which are not here: the sources alone are compiled.
RUN set -e; for room in proto runtime broker converter-service client notifier-service; do \
      echo '{"extends":"./tsconfig.json","include":["src"]}' >"$room/tsconfig.image.json"; \
      npx tsc -p "$room/tsconfig.image.json" --sourceMap false --declarationMap false; \
    done

FROM packages AS app
RUN --mount=type=cache,target=/root/.npm \
    npm ci --omit=dev --ignore-scripts --no-fund --no-audit \
    -w proto -w runtime -w broker -w converter-service -w client -w notifier-service \
 && find node_modules -type f \( -name '*.ts' -o -name '*.mts' -o -name '*.cts' -o -name '*.map' \) -delete \
 # Builds of libraries for other systems and for Node versions that are not this one.
 && rm -rf node_modules/@lmdb/*/node.abi* node_modules/@lmdb/*/*.musl.node \
    node_modules/libheif-js/libheif node_modules/libheif-js/libheif-wasm/*bundle* \
    node_modules/bintrees/test
COPY --from=build /herald/proto/herald proto/herald
COPY --from=build /herald/proto/dist/src proto/dist/src
COPY --from=build /herald/runtime/dist/src runtime/dist/src
COPY --from=build /herald/broker/dist/src broker/dist/src
COPY --from=build /herald/converter-service/dist/src converter-service/dist/src
COPY --from=build /herald/client/dist/src client/dist/src
COPY --from=build /herald/client/web client/web
COPY --from=build /herald/notifier-service/dist/src notifier-service/dist/src
COPY --from=build /herald/notifier-service/templates notifier-service/templates
RUN find . -path ./node_modules -prune -o -name '*.d.ts' -type f -exec rm {} +

# Without npm and Node's debugging symbols (18 MB). Copied as one layer, so that none below has them.
FROM node:24-bookworm-slim AS trimmed
# hadolint ignore=DL3008
RUN apt-get update -qq && apt-get install -y -qq --no-install-recommends binutils \
 && cp /usr/local/bin/node /tmp/node && strip -o /usr/local/bin/node /tmp/node && rm /tmp/node \
 && apt-get purge -y -qq --auto-remove binutils && rm -rf /var/lib/apt/lists/* \
 && rm -rf /usr/local/lib/node_modules /usr/local/include /usr/local/share/doc /opt/yarn* \
      /usr/local/bin/npm /usr/local/bin/npx /usr/local/bin/corepack /usr/local/bin/yarn* \
 # Volumes begin as these folders are; the CLI may run as any user of the host.
 && mkdir -p /data /files && chown node:node /data /files && chmod 1777 /data

FROM scratch AS base
# One layer on purpose: layers below it would still hold what was deleted.
# hadolint ignore=DL3067
COPY --from=trimmed / /
ENV PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin \
    NODE_ENV=production HERALD_DATA=/data
WORKDIR /herald
USER 1000:1000
CMD ["node", "/herald/client/bin/herald.js", "--help"]

FROM base AS slim
COPY --from=app /herald ./

FROM base AS latest
USER 0:0
# LibreOffice without a screen, the sandbox it runs in, and fonts for Latin, Greek, Cyrillic,
# Chinese and Japanese. Debian's security updates are wanted, so no version is named.
# hadolint ignore=DL3008
RUN apt-get update -qq \
 && apt-get install -y -qq --no-install-recommends \
    libreoffice-writer-nogui libreoffice-calc-nogui libreoffice-impress-nogui bubblewrap \
    fontconfig fonts-dejavu-core fonts-liberation fonts-droid-fallback \
 && rm -rf /var/lib/apt/lists/*
USER 1000:1000
COPY --from=app /herald ./
