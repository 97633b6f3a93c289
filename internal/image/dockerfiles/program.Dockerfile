# Any program that runs once per task: its standard output is the result.
#   docker buildx build --platform linux/arm64 -t REPOSITORY:TAG --push .
# Name the base by digest: docker buildx imagetools inspect debian:12-slim
FROM debian:12-slim
RUN apt-get update && apt-get install -y --no-install-recommends ca-certificates && rm -rf /var/lib/apt/lists/*
# starburst for linux and the image's architecture: CGO_ENABLED=0 GOOS=linux GOARCH=arm64 go build -o starburst ./cmd/starburst
COPY starburst /usr/local/bin/starburst
WORKDIR /app
COPY simulate.sh .
USER 65532:65532
VOLUME /tmp
ENTRYPOINT ["/usr/local/bin/starburst", "worker", "--exec", "--", "./simulate.sh", "{}"]
