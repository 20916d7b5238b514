# One image for the converter, the notifier, the web page and the CLI; compose chooses the program.
FROM node:20-bookworm-slim AS build
WORKDIR /herald
COPY . .
RUN npm ci --ignore-scripts --no-fund --no-audit \
 && npx tsc -b proto runtime broker converter-service client notifier-service

FROM node:20-bookworm-slim AS dependencies
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
RUN npm ci --omit=dev --ignore-scripts --no-fund --no-audit \
    -w proto -w runtime -w broker -w converter-service -w client -w notifier-service

FROM node:20-bookworm-slim
# Documents: LibreOffice without a screen, what shuts it in, and fonts for Latin, Greek, Cyrillic,
# Chinese and Japanese. Some 500 MB; `--build-arg DOCUMENTS=` leaves them out.
ARG DOCUMENTS=yes
RUN [ -z "$DOCUMENTS" ] || { apt-get update -qq \
 && apt-get install -y -qq --no-install-recommends \
    libreoffice-writer-nogui libreoffice-calc-nogui libreoffice-impress-nogui bubblewrap \
    fontconfig fonts-dejavu-core fonts-liberation fonts-droid-fallback \
 && rm -rf /var/lib/apt/lists/*; }
ENV NODE_ENV=production
WORKDIR /herald
COPY --from=dependencies /herald ./
COPY --from=build /herald/proto/herald proto/herald
COPY --from=build /herald/proto/dist/src proto/dist/src
COPY --from=build /herald/runtime/dist/src runtime/dist/src
COPY --from=build /herald/broker/dist/src broker/dist/src
COPY --from=build /herald/converter-service/dist/src converter-service/dist/src
COPY --from=build /herald/client/dist/src client/dist/src
COPY --from=build /herald/client/web client/web
COPY --from=build /herald/notifier-service/dist/src notifier-service/dist/src
COPY --from=build /herald/notifier-service/templates notifier-service/templates
# Volumes begin as these folders are; the CLI may run as any user of the host.
RUN mkdir -p /data /files && chown node:node /data /files && chmod 1777 /data
USER node
ENV HERALD_DATA=/data
CMD ["node", "/herald/client/bin/herald.js", "--help"]
