# The `payouts` command as one bundle: docker build -t cpa-payouts . && docker run cpa-payouts --help
FROM node:24-bookworm-slim AS build
WORKDIR /app
COPY . .
# Copies the whole tree, not the manifests first: the download cache saves as much, and there is no list of packages to maintain.
RUN --mount=type=cache,target=/tmp/npm-cache npm ci --cache /tmp/npm-cache --no-audit --no-fund && npm run build

FROM node:24-bookworm-slim
ENV NODE_ENV=production
WORKDIR /app
COPY --from=build /app/LICENSE ./
COPY --from=build /app/apps/cli/dist ./dist
USER node
ENTRYPOINT ["node", "--enable-source-maps", "dist/payouts.mjs"]
CMD ["--help"]
