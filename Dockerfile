# The `payouts` command as one bundle: docker build -t cpa-payouts . && docker run cpa-payouts --help
FROM node:20-bookworm-slim AS build
WORKDIR /app
COPY . .
# The whole tree rather than the manifests first: the cache of downloads does the same, and no list of packages needs keeping.
RUN --mount=type=cache,target=/tmp/npm-cache npm ci --cache /tmp/npm-cache --no-audit --no-fund && npm run build

FROM node:20-bookworm-slim
ENV NODE_ENV=production
WORKDIR /app
COPY --from=build /app/LICENSE ./
COPY --from=build /app/apps/cli/dist ./dist
USER node
ENTRYPOINT ["node", "--enable-source-maps", "dist/payouts.mjs"]
CMD ["--help"]
