// SPDX-License-Identifier: Apache-2.0
// The whole way, on a stack whose handler "exec" answers with the task's index and argument.
//
// `make test-languages` starts such a stack twice, on the local endpoint and on other servers;
// without one these tests are skipped.

import assert from "node:assert/strict";
import { randomBytes, randomUUID } from "node:crypto";
import { after, describe, test } from "node:test";

import { SendMessageBatchCommand, SQSClient } from "@aws-sdk/client-sqs";

import { JobExistsError, NotFoundError, PartlySentError, Starburst, TaskError, UnknownHandlerError } from "./starburst.mjs";

const skip = process.env.STARBURST_QUEUE_URL ? false : "no stack: run by make test-languages";
const signal = skip ? undefined : AbortSignal.timeout(90_000); // on a busy machine

async function all(iterable) {
  const out = [];
  for await (const item of iterable) out.push(item);
  return out;
}

describe("on a stack", { skip, concurrency: 4 }, () => {
  if (skip) return;
  for (const name of ["STARBURST_QUEUE_URL", "AWS_ENDPOINT_URL", "AWS_ENDPOINT_URL_SQS", "AWS_ENDPOINT_URL_DYNAMODB", "STARBURST_LOCAL"]) {
    const { hostname } = new URL(process.env[name] ?? "http://127.0.0.1");
    assert.ok(["127.0.0.1", "[::1]", "localhost"].includes(hostname), `${name} is on ${hostname}: nothing may be sent to AWS`);
  }
  const sb = new Starburst();
  after(() => sb.close());

  test("map yields in order", async () => {
    const args = Array.from({ length: 50 }, (_, i) => `n${i}`);
    assert.deepEqual(await all(sb.map("exec", args, { chunk: 7, signal })), args.map((arg, i) => `${i} ${arg}`));
    assert.deepEqual(await all(sb.map("exec", [])), []);
  });

  test("map takes what an asynchronous iterable brings", async () => {
    async function* args() {
      yield "a";
      yield { b: [1, 2.5] };
    }
    assert.deepEqual(await all(sb.map("exec", args(), { signal })), ["0 a", '1 {"b":[1,2.5]}']);
  });

  test("run resolves with the result", async () => {
    const args = Array.from({ length: 25 }, (_, i) => `s${i}`);
    assert.deepEqual(await Promise.all(args.map((arg) => sb.run("exec", arg))), args.map((arg) => `0 ${arg}`));
    const id = randomUUID();
    assert.equal(await sb.run("exec", [1], { id }), "0 [1]");
    assert.equal(await sb.resultOf(id), "0 [1]");
  });

  test("values arrive as they are", async () => {
    const args = [NaN, 2n ** 64n - 1n, 2 ** 40, new Uint8Array([0, 255]), undefined, "żółw 𝄞", new Date("2026-11-24T12:30:00Z"), new Float64Array([1, 0.5])];
    const want = ['"NaN"', "18446744073709551615", "1099511627776", '{"$bin":"AP8="}', "null", "żółw 𝄞", "2026-11-24T12:30:00.000Z", "[1,0.5]"];
    assert.deepEqual(await all(sb.map("exec", args, { signal, chunk: 20 })), want.map((w, i) => `${i} ${w}`));
  });

  test("large arguments and results go through the bucket", async () => {
    const large = randomBytes(67_500).toString("base64"); // its result does not fit an item
    const tooLarge = "x".repeat(1 << 20); // fits no message, nor a command line: its task fails
    const job = await sb.createJob("exec", [large, tooLarge], { maxAttempts: 1 });
    const [first, second] = await all(job.outcomes({ signal }));
    assert.equal(first.result(), `0 ${large}`);
    assert.throws(() => second.result(), TaskError);
    const { kind, index, attempts, argument, reason } = second.error;
    assert.deepEqual([kind, index, attempts], ["error", 1, 1]);
    assert.match(reason, /argument list too long/);
    assert.ok(argument === tooLarge);
    await assert.rejects(sb.run("exec", tooLarge), TaskError);
    assert.equal(await sb.run("exec", large), `0 ${large}`);
  });

  test("a failed task is thrown in its place", async () => {
    const args = ["good", "x".repeat(200_000), "never seen"]; // the second is too long for a command line
    const results = (await sb.createJob("exec", args, { maxAttempts: 2 })).results({ signal });
    assert.equal((await results.next()).value, "0 good");
    await assert.rejects(results.next(), { name: "TaskError", kind: "error", attempts: 2, index: 1 });
  });

  test("a job can be found and made again", async () => {
    const job = await sb.createJob("exec", ["a", "b", "c"], { jobId: `again-${randomUUID()}`, chunk: 2 });
    const want = ["0 a", "1 b", "2 c"];
    assert.deepEqual(await all(job.results({ signal })), want);
    const again = await sb.createJob("exec", ["a", "b", "c"], { jobId: job.id, chunk: 1 });
    assert.deepEqual(again.sizes, [2, 1]);
    assert.deepEqual(await all(again.results({ signal })), want);
    assert.deepEqual(await all((await sb.job(job.id)).results({ signal })), want);
    await assert.rejects(sb.createJob("exec", ["a", "b"], { jobId: job.id }), JobExistsError);
    await assert.rejects(sb.job("nobody-made-this"), NotFoundError);
  });

  /** An SQSClient that fails or forgets some entries of each call, and sends some of those nevertheless. */
  class FlakySQS {
    sqs = new SQSClient();
    state = 7;
    sent = 0;

    async send({ input: { QueueUrl, Entries } }) {
      const fates = [...Array(6).fill("good"), "fail", "forget", "sent but failed", "sent but forgotten"];
      const fate = new Map(Entries.map((e) => [e.Id, fates[(this.state = (this.state * 48271) % 2147483647) % 10]]));
      const through = Entries.filter((e) => !["fail", "forget"].includes(fate.get(e.Id)));
      this.sent += through.length;
      const answer = through.length ? await this.sqs.send(new SendMessageBatchCommand({ QueueUrl, Entries: through })) : {};
      return {
        Successful: answer.Successful?.filter((s) => fate.get(s.Id) === "good"),
        Failed: Entries.filter((e) => fate.get(e.Id).includes("fail")).map(({ Id }) => ({ Id, Code: "InternalError", SenderFault: false })),
      };
    }
  }

  test("messages that fail or arrive twice count once", async () => {
    const sqs = new FlakySQS();
    const flaky = new Starburst({ sqs });
    const args = Array.from({ length: 60 }, (_, i) => i);
    const job = await flaky.createJob("exec", args, { chunk: 2 });
    assert.ok(sqs.sent > 30, "some arrived more than once");
    assert.deepEqual(await all(job.results({ signal })), args.map((i) => `${i} ${i}`));
    assert.deepEqual(await Promise.all(args.slice(0, 20).map((i) => flaky.run("exec", i))), args.slice(0, 20).map((i) => `0 ${i}`));
  });

  test("a job that was sent in part is completed", async () => {
    const sqs = new SQSClient();
    let calls = 0;
    const refusing = {
      async send(command) {
        if (++calls !== 2) return sqs.send(command);
        return { Failed: command.input.Entries.map(({ Id }) => ({ Id, Code: "Refused", SenderFault: true })) };
      },
    };
    const args = Array.from({ length: 25 }, (_, i) => i);
    const e = await new Starburst({ sqs: refusing }).createJob("exec", args, { chunk: 1 }).catch((e) => e);
    assert.ok(e instanceof PartlySentError);
    assert.deepEqual([e.confirmed, e.n], [15, 25]);
    const job = await sb.createJob("exec", args, { jobId: e.job });
    assert.deepEqual(await all(job.results({ signal })), args.map((i) => `${i} ${i}`));
  });

  test("a job whose upload fails is completed", async () => {
    const s3 = { send: async () => Promise.reject(new Error("no bucket today")) };
    const args = ["a", "x".repeat(1 << 20)];
    const e = await new Starburst({ s3 }).createJob("exec", args, { maxAttempts: 1 }).catch((e) => e);
    assert.ok(e instanceof PartlySentError);
    assert.equal(e.cause.message, "no bucket today");
    const [first, second] = await all((await sb.createJob("exec", args, { jobId: e.job })).outcomes({ signal }));
    assert.equal(first.value, "0 a");
    assert.ok(second.error.argument === args[1]);
  });

  test("a failing task without a job is tried again", async () => {
    const arg = "x".repeat(200_000); // too long for a command line
    await assert.rejects(sb.run("exec", arg), (e) => e.kind === "error" && e.attempts === 3 && e.argument === arg);
  });

  test("a wait ends with its signal", async () => {
    const job = await sb.createJob("exec", ["x"]);
    await assert.rejects(all(job.results({ signal: AbortSignal.abort(new Error("enough")) })), /enough/);
    assert.deepEqual(await all(job.results({ signal })), ["0 x"]);
  });

  test("unknown handlers are refused", async () => {
    await assert.rejects(sb.createJob("prize", [1]), UnknownHandlerError);
    await assert.rejects(sb.run("prize", 1), /known to fleet default: .*exec/);
  });

  test("messages of unequal sizes", async () => {
    const args = [..."ab".split("").map((c) => c.repeat(30_000)), ..."cdefg"];
    const job = await sb.createJob("exec", args, { chunk: 3 });
    assert.deepEqual(job.sizes, [1, 3, 3]);
    assert.deepEqual(await all((await sb.job(job.id)).results({ signal })), args.map((arg, i) => `${i} ${arg}`));
  });
});
