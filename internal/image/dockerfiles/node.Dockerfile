# A worker in Node.js: starburst keeps a process per slot, which answers task after task.
#   docker buildx build --platform linux/arm64 -t REPOSITORY:TAG --push .
# Name the base by digest: docker buildx imagetools inspect node:22-slim
FROM node:22-slim
# starburst for linux and the image's architecture: CGO_ENABLED=0 GOOS=linux GOARCH=arm64 go build -o starburst ./cmd/starburst
COPY starburst /usr/local/bin/starburst
WORKDIR /app
COPY package.json package-lock.json ./
RUN npm ci --omit=dev
COPY . .
USER 65532:65532
VOLUME /tmp
ENTRYPOINT ["/usr/local/bin/starburst", "worker", "--serve", "node worker.mjs"]
