#!/bin/sh
# Enqueues five tasks under the identity given as the argument: enqueue.sh ID
# A body that begins with { is JSON: no msgpack, no base64.
set -eu
body=$(cat <<END
{
  "f": "exec",
  "id": "$1",
  "t": [
    "żółw, 日本, 𝄞",
    [0.1, -2.5, 1e300],
    [9007199254740993, -9223372036854775808, 18446744073709551615],
    {"option": {"type": "put", "strikes": [95, 100.5], "note": null, "american": true}},
    {"\$bin": "AAH+/w=="}
  ]
}
END
)
# Version 1 of the AWS CLI reads no endpoint variable.
endpoint=${AWS_ENDPOINT_URL_SQS:-${AWS_ENDPOINT_URL:-}}
aws ${endpoint:+--endpoint-url "$endpoint"} sqs send-message \
	--queue-url "$STARBURST_QUEUE_URL" --message-body "$body" >/dev/null
echo "$1"
