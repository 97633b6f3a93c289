#!/usr/bin/env bash
# The table of docs/benchmarks.md: each row the medians of ROUNDS (default 5) runs, whose rows take turns. SERVERS=1 adds the rows on
# ElasticMQ and DynamoDB Local, warmed up for a minute (needs Java and Maven).
set -euo pipefail
cd "$(dirname "$0")/.."
rounds=${ROUNDS:-5}
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
go build -o "$work/" ./cmd/starburst
bench=("$work/starburst" bench -o json)

# A million different lines of about 100 bytes.
awk 'BEGIN { for (i = 0; i < 1000000; i++) printf "\"%098d\"\n", i }' >"$work/million.jsonl"

names=() commands=()
row() { # name, arguments of bench
	names+=("$1")
	shift
	commands+=("$*")
}
if [ -z "${SERVERS:-}" ]; then
	row "no-op, default chunks"
	row "no-op, a task a message" --chunk 1
	row "a million lines of a file, produced" --mode produce --input "$work/million.jsonl"
	row "a million lines of a file, to the last result" --input "$work/million.jsonl"
	row "one task at a time" --mode latency
	row "one at a time, SQS 10 ms and DynamoDB 5 ms away" --mode latency --tasks 50 --sqs-latency 10ms --dynamodb-latency 5ms
	row "10,000 tasks, 50 workers, SQS 10 ms and DynamoDB 5 ms away" --tasks 10000 --workers 50 --warmup 500 --sqs-latency 10ms --dynamodb-latency 5ms
else
	row "a task a message, ElasticMQ and DynamoDB Local" --servers --chunk 1 --tasks 10000 --workers 1 --slots 32 --warmup 2000
	for _ in 1 2 3 4; do "${bench[@]}" ${commands[0]} --tasks 20000 >/dev/null; done # a minute and more of warming up
fi

for _ in $(seq "$rounds"); do
	for i in "${!names[@]}"; do
		# shellcheck disable=SC2086 # the arguments have no blanks
		"${bench[@]}" ${commands[$i]} >>"$work/$i.json"
	done
done

field() { # file, JSON key; after a "key": { … } when it is a dotted one
	case $2 in
	*.*) sed -E "s/.*\"${2%.*}\":\{[^}]*\"${2#*.}\":([0-9.e+-]+).*/\1/" "$1" ;;
	*) sed -E "/\"$2\"/!d; s/.*\"$2\":([0-9.e+-]+).*/\1/" "$1" ;;
	esac | sort -g | awk '{ v[NR] = $1 } END { if (NR) printf "%.6g", (v[int((NR + 1) / 2)] + v[int(NR / 2) + 1]) / 2 }'
}
echo "| | tasks/s | time | p50, p99 | CPU a task: producer, workers, servers | peak: producer, largest worker, servers |"
echo "|---|---|---|---|---|---|"
for i in "${!names[@]}"; do
	f=$work/$i.json
	awk -v name="${names[$i]}" -v rate="$(field "$f" tasks_per_second)" -v time="$(field "$f" elapsed_s)" -v half="$(field "$f" p50_ms)" -v tail="$(field "$f" p99_ms)" \
		-v a="$(field "$f" producer.cpu_us_per_task)" -v b="$(field "$f" worker.cpu_us_per_task)" -v c="$(field "$f" servers.cpu_us_per_task)" \
		-v x="$(field "$f" producer.peak_rss_bytes)" -v y="$(field "$f" worker.peak_rss_bytes)" -v z="$(field "$f" servers.peak_rss_bytes)" 'BEGIN {
		latency = half > 0 ? sprintf("%.1f ms, %.1f ms", half, tail) : ""
		printf "| %s | %d | %.2f s | %s | %.1f, %.1f, %.1f µs | %d, %d, %d MiB |\n", name, rate, time, latency, a, b, c, x / 1048576, y / 1048576, z / 1048576
	}'
done
