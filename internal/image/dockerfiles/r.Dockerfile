# A worker in R: starburst keeps a process per slot, which answers task after task.
#   docker buildx build --platform linux/arm64 -t REPOSITORY:TAG --push .
# Name the base by digest: docker buildx imagetools inspect r-base:4.5.1
FROM r-base:4.5.1
# starburst for linux and the image's architecture: CGO_ENABLED=0 GOOS=linux GOARCH=arm64 go build -o starburst ./cmd/starburst
COPY starburst /usr/local/bin/starburst
WORKDIR /app
COPY . .
# The helper package of clients/r, and what the program needs besides.
RUN R CMD INSTALL clients/r
USER 65532:65532
VOLUME /tmp
ENTRYPOINT ["/usr/local/bin/starburst", "worker", "--serve", "Rscript worker.R"]
