#!/usr/bin/env bash
# Runs a command with ElasticMQ (SQS) and DynamoDB Local (DynamoDB) started for
# it on this machine, and AWS_ENDPOINT_URL_SQS and AWS_ENDPOINT_URL_DYNAMODB
# set. Needs Java 17 and Maven. Ends only the two processes it started.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
cache=${STARBURST_SERVERS_CACHE:-$here/../../.cache/servers}
mkdir -p "$cache"
cache=$(cd "$cache" && pwd)

for tool in java mvn curl; do
	command -v "$tool" >/dev/null || { echo "with-servers: $tool is not installed" >&2; exit 1; }
done

fetch() { # name
	[ -e "$cache/$1/complete" ] && return
	echo "with-servers: fetching $1" >&2
	mvn -q -B -f "$here/$1-pom.xml" dependency:copy-dependencies -DoutputDirectory="$cache/$1/lib" >&2
	touch "$cache/$1/complete"
}
fetch elasticmq
fetch dynamodb-local
mkdir -p "$cache/dynamodb-local/native"
cp "$cache"/dynamodb-local/lib/*.so "$cache/dynamodb-local/native/" 2>/dev/null || true

free_port() {
	local port
	for _ in $(seq 50); do
		port=$((20000 + RANDOM % 20000))
		(exec 3<>"/dev/tcp/127.0.0.1/$port") 2>/dev/null || { echo "$port"; return; }
	done
	echo "with-servers: no free port" >&2
	return 1
}
sqs_port=$(free_port)
ddb_port=$(free_port)

pids=()
stop() { for pid in "${pids[@]}"; do kill "$pid" 2>/dev/null || true; wait "$pid" 2>/dev/null || true; done; }
trap stop EXIT

PORT=$sqs_port java -Xmx512m -Dconfig.file="$here/elasticmq.conf" -Dlogback.configurationFile="$here/logback-quiet.xml" \
	-cp "$cache/elasticmq/lib/*" org.elasticmq.server.Main >"$cache/elasticmq.log" 2>&1 &
pids+=($!)
java -Xmx1g -Djava.library.path="$cache/dynamodb-local/native" -cp "$cache/dynamodb-local/lib/*" \
	software.amazon.dynamodb.services.local.main.ServerRunner -inMemory -sharedDb -disableTelemetry -port "$ddb_port" >"$cache/dynamodb-local.log" 2>&1 &
pids+=($!)

wait_for() { # name port
	for _ in $(seq 300); do
		curl -s -o /dev/null "http://127.0.0.1:$2/" && return
		sleep 0.1
	done
	echo "with-servers: $1 did not answer within 30 s; its log:" >&2
	tail -20 "$cache/$1.log" >&2
	return 1
}
wait_for elasticmq "$sqs_port"
wait_for dynamodb-local "$ddb_port"

export AWS_ENDPOINT_URL_SQS="http://127.0.0.1:$sqs_port"
export AWS_ENDPOINT_URL_DYNAMODB="http://127.0.0.1:$ddb_port"
export STARBURST_BENCH_SERVER_PIDS="${pids[*]}"
export STARBURST_TEST_DYNAMODB_LOCAL="$AWS_ENDPOINT_URL_DYNAMODB"
export AWS_REGION=us-east-1 AWS_ACCESS_KEY_ID=test AWS_SECRET_ACCESS_KEY=test
"$@"
