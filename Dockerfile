# The one image of every component: `node dist/gateway/main.js`, `dist/mirror/main.js`, `dist/identity/main.js`.
FROM node:26-bookworm-slim AS build
WORKDIR /isthmus
COPY package.json package-lock.json .npmrc ./
# The image has its own Node; the one npm would install is for checkouts.
RUN npm ci --ignore-scripts
COPY . .
RUN node runtime/build.ts && npm prune --omit=dev --ignore-scripts

FROM node:26-bookworm-slim
ENV NODE_ENV=production
WORKDIR /isthmus
COPY --from=build /isthmus/package.json ./
COPY --from=build /isthmus/node_modules ./node_modules
COPY --from=build /isthmus/dist ./dist
USER 65532:65532
# A component is chosen by the command of its container; alone, the image says its version.
CMD ["node", "dist/cli/main.js", "--version"]
