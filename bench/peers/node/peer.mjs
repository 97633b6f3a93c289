// sqs-producer and sqs-consumer as one of the peers: `node peer.mjs produce|consume`.
import { DynamoDBClient, PutItemCommand } from "@aws-sdk/client-dynamodb";
import { SQSClient } from "@aws-sdk/client-sqs";
import { Consumer } from "sqs-consumer";
import { Producer } from "sqs-producer";

const n = Number(process.env.PEER_N);
const queueUrl = process.env.PEER_QUEUE_URL;
const sqs = new SQSClient({ region: "us-east-1", endpoint: process.env.AWS_ENDPOINT_URL_SQS });
const atOnce = 8;

async function produce() {
  const producer = Producer.create({ queueUrl, sqs, useQueueUrlAsEndpoint: false });
  const text = (i) => JSON.stringify({ id: `task-${String(i).padStart(8, "0")}`, args: [String(i).padStart(64, "0")], kwargs: {} });
  let next = 0;
  const lane = async () => {
    while (next < n) {
      const from = next;
      next += 10;
      const list = [];
      for (let i = from; i < Math.min(from + 10, n); i++) list.push({ id: String(i), body: text(i) });
      await producer.send(list);
    }
  };
  await Promise.all(Array.from({ length: atOnce }, lane));
}

async function consume() {
  const db = new DynamoDBClient({ region: "us-east-1", endpoint: process.env.AWS_ENDPOINT_URL_DYNAMODB });
  const put = (m) => db.send(new PutItemCommand({
    TableName: process.env.PEER_TABLE, ConditionExpression: "attribute_not_exists(id)",
    Item: { id: { S: m.MessageId }, result: { S: "1" } },
  }));
  let done = 0;
  let finish;
  const finished = new Promise((resolve) => { finish = resolve; });
  const consumers = Array.from({ length: atOnce }, () => Consumer.create({
    queueUrl, sqs, batchSize: 10, waitTimeSeconds: 1, useQueueUrlAsEndpoint: false,
    handleMessageBatch: async (messages) => {
      await Promise.all(messages.map(put));
      return messages; // to be deleted
    },
  }));
  for (const c of consumers) {
    c.on("error", (e) => { console.error(e); process.exit(1); });
    c.on("processing_error", (e) => { console.error(e); process.exit(1); });
    c.on("response_processed", () => { if (done >= n) finish(); }); // the batch has been deleted
    c.on("message_processed", () => { done++; });
    c.start();
  }
  await finished;
  for (const c of consumers) c.stop();
}

const start = process.hrtime.bigint();
const before = process.cpuUsage();
await { produce, consume }[process.argv[2]]();
const used = process.cpuUsage(before);
console.log(JSON.stringify({ n, seconds: Number(process.hrtime.bigint() - start) / 1e9, cpu_seconds: (used.user + used.system) / 1e6 }));
process.exit(0);
