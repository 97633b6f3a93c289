# A worker in Python: starburst keeps a process per slot, which answers task after task.
#   docker buildx build --platform linux/arm64 -t REPOSITORY:TAG --push .
# Name the base by digest: docker buildx imagetools inspect python:3.12-slim
FROM python:3.12-slim
# starburst for linux and the image's architecture: CGO_ENABLED=0 GOOS=linux GOARCH=arm64 go build -o starburst ./cmd/starburst
COPY starburst /usr/local/bin/starburst
WORKDIR /app
COPY requirements.txt .
RUN pip install --no-cache-dir -r requirements.txt
# starburst.py is the client of clients/python.
COPY . .
ENV PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1
USER 65532:65532
VOLUME /tmp
ENTRYPOINT ["/usr/local/bin/starburst", "worker", "--serve", "python3 worker.py"]
