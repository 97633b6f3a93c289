# A Go program's worker, as `starburst image build` makes it without Docker.
#   docker buildx build --platform linux/arm64 --build-arg PROGRAM=./cmd/simulate -t REPOSITORY:TAG --push .
FROM --platform=$BUILDPLATFORM golang:1.26 AS build
ARG TARGETARCH
ARG PROGRAM=.
WORKDIR /src
COPY . .
RUN CGO_ENABLED=0 GOARCH=$TARGETARCH go build -trimpath -ldflags="-s -w" -o /out/program "$PROGRAM"

# Certificates, a user that is not root, nothing else. Name it by digest: docker buildx imagetools inspect NAME
FROM gcr.io/distroless/static-debian12:nonroot
COPY --from=build /out/program /app/program
ENV STARBURST_ROLE=worker
USER 65532:65532
# Workers have a read-only root: this is where they may write.
VOLUME /tmp
ENTRYPOINT ["/app/program"]
