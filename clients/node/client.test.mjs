// SPDX-License-Identifier: Apache-2.0
// The parts of the Node.js helper that need no stack.

import assert from "node:assert/strict";
import { describe, test } from "node:test";

import { encode as msgpack, ExtData } from "@msgpack/msgpack";

import {
  ArgumentError, batches, byWalk, chunkSize, CorruptResultError, cut, decodeSizes, encodeSizes, escapePath, mergeOutcomes, outcomesOf, pack,
  recordOf, SendError, sendBodies, shardOf, spread, Starburst, StarburstError, TaskDiedError, TaskError, TaskTimeoutError, toJSON, unpack,
} from "./starburst.mjs";

/** Confirms what it is sent, except as the plan says: an element a call, an error to throw or [position, "fail" | "fault" | "forget"] pairs. */
class FakeSQS {
  constructor(...plan) {
    this.plan = plan;
    this.calls = [];
    this.queue = [];
  }

  async send({ input: { QueueUrl, Entries } }) {
    const bodies = Entries.map((e) => e.MessageBody);
    this.calls.push(bodies);
    assert.equal(QueueUrl, "q");
    assert.ok(bodies.length >= 1 && bodies.length <= 10 && bodies.join("").length <= 1 << 20);
    assert.equal(new Set(Entries.map((e) => e.Id)).size, bodies.length);
    const todo = this.plan.shift() ?? [];
    if (todo instanceof Error) throw todo;
    const fate = new Map(todo);
    const answer = { Successful: [], Failed: [] };
    for (const [k, { Id, MessageBody }] of Entries.entries()) {
      const what = fate.get(k);
      if (what === "fail" || what === "fault") answer.Failed.push({ Id, Code: "Oops", Message: "m", SenderFault: what === "fault" });
      if (what) continue;
      answer.Successful.push({ Id, MessageId: "x" });
      this.queue.push(MessageBody);
    }
    return answer;
  }
}

const refusal = (name, httpStatusCode) => Object.assign(new Error("m"), { name, $metadata: { httpStatusCode } });

/** Sends on a clock of its own and returns the time that it took. */
async function send(sqs, bodies, options) {
  let now = 0;
  const sleep = async (ms) => void (now += ms);
  await sendBodies(sqs, "q", bodies, { sleep, now: () => now, random: () => 0.5, ...options });
  return now;
}

const numbered = (n) => Array.from({ length: n }, (_, i) => `b${i}`);

describe("sending", () => {
  test("all are sent in calls of ten", async () => {
    const sqs = new FakeSQS();
    assert.equal(await send(sqs, numbered(25)), 0);
    assert.deepEqual(sqs.queue, numbered(25));
    assert.deepEqual(sqs.calls.map((c) => c.length), [10, 10, 5]);
  });

  test("calls are filled by bytes too", async () => {
    const sqs = new FakeSQS();
    await send(sqs, Array(5).fill("x".repeat(400 << 10)));
    assert.deepEqual(sqs.calls.map((c) => c.length), [2, 2, 1]);
    assert.deepEqual([...batches([5, 5, 11, 1], 10, 10)], [[0, 1], [2], [3]]);
  });

  test("only failed and forgotten entries are sent again, as they were", async () => {
    const sqs = new FakeSQS([[1, "fail"], [3, "forget"]], [[0, "fail"]]);
    assert.ok((await send(sqs, numbered(5))) > 0);
    assert.deepEqual(sqs.calls, [numbered(5), ["b1", "b3"], ["b1"]]);
    assert.deepEqual(sqs.queue.sort(), numbered(5));
  });

  test("an entry that would be refused again is reported", async () => {
    const sqs = new FakeSQS([[2, "fault"]]);
    await assert.rejects(send(sqs, numbered(3)), (e) => e instanceof SendError && e.unsent.size === 1 && e.unsent.get(2) === "Oops: m");
    assert.deepEqual(sqs.queue, ["b0", "b1"]);
    assert.equal(sqs.calls.length, 1);
  });

  test("a lost connection and a throttled call are tried again", async () => {
    const sqs = new FakeSQS(Object.assign(new Error("m"), { code: "ECONNREFUSED" }), refusal("ThrottlingException", 400), refusal("InternalError", 500));
    await send(sqs, numbered(2));
    assert.deepEqual(sqs.queue, numbered(2));
    assert.equal(sqs.calls.length, 4);
  });

  test("one bad entry does not spoil its neighbours", async () => {
    const good = new FakeSQS();
    const picky = {
      async send(command) {
        if (command.input.Entries.some((e) => e.MessageBody === "bad")) throw refusal("AWS.SimpleQueueService.BatchRequestTooLong", 400);
        return good.send(command);
      },
    };
    await assert.rejects(send(picky, [...numbered(9), "bad"]), (e) => e.unsent.size === 1 && e.unsent.has(9));
    assert.deepEqual(good.queue.sort(), numbered(9));
  });

  test("what is hopeless ends at once", async () => {
    const sqs = new FakeSQS(refusal("AccessDeniedException", 400));
    await assert.rejects(send(sqs, numbered(12)), (e) => e.unsent.size === 12 && /AccessDenied/.test(e.message));
    assert.equal(sqs.calls.length, 1);
  });

  test("it gives up after a while", async () => {
    const sqs = new FakeSQS(...Array(10_000).fill([[0, "fail"]]));
    await assert.rejects(send(sqs, ["a", "b"], { giveUpAfter: 30_000 }), (e) => e.unsent.size === 1 && e.unsent.get(0) === "Oops: m");
    assert.deepEqual(sqs.queue, ["b"]);
    assert.ok(sqs.calls.length > 5 && sqs.calls.length < 100);
  });

  for (let seed = 1; seed <= 50; seed++) {
    test(`whatever fails, all arrive: ${seed}`, async () => {
      let state = seed;
      const draw = (n) => (state = (state * 48271) % 2147483647) % n; // minimal standard generator
      const plan = Array.from({ length: 30 }, () =>
        draw(5) ? Array.from({ length: 10 }, (_, k) => [k, ["fail", "forget", ""][draw(3)]]) : refusal("RequestThrottled", 403));
      const sqs = new FakeSQS(...plan);
      const bodies = numbered(1 + draw(40)).map((b) => b.repeat(1 + draw(50_000)));
      await send(sqs, bodies);
      assert.deepEqual(sqs.queue.sort(), bodies.sort());
    });
  }
});

describe("values", () => {
  for (const [value, json] of [
    [1.0, "1"], [1.5, "1.5"], [-0.5, "-0.5"], [2 ** 40, "1099511627776"], [-(2 ** 53) + 1, "-9007199254740991"], [1e300, "1e+300"],
    [NaN, '"NaN"'], [-Infinity, '"-Infinity"'], [2n ** 64n - 1n, "18446744073709551615"], [-(2n ** 63n), "-9223372036854775808"],
    [undefined, "null"], [{ a: undefined, b: null }, '{"b":null}'], [[undefined], "[null]"],
    [new Uint8Array([255]), '{"$bin":"/w=="}'], [Buffer.from("a"), '{"$bin":"YQ=="}'], [new Float64Array([1, NaN]), '[1,"NaN"]'],
    [new BigInt64Array([-1n]), "[-1]"], [new Map([["a", new Map()]]), '{"a":{}}'], [new Date(-500), '"1969-12-31T23:59:59.500Z"'],
    [{ toJSON: () => ({ x: 1 }) }, '{"x":1}'], [JSON.parse('{"__proto__":1}'), '{"__proto__":1}'], [new ExtData(7, new Uint8Array([1])), '{"$ext":[7,"AQ=="]}'],
  ]) {
    test(`${json} of a ${value?.constructor.name ?? value}`, () => assert.equal(toJSON(pack(value)), json));
  }

  for (const value of [new Map([[1, 2]]), new Set([1]), 2n ** 64n, -(2n ** 63n) - 1n, () => 1, Symbol("s"), "\ud800", { "\ud800": 1 }, new Date(NaN), /x/]) {
    test(`${String(value)} is refused`, () => assert.throws(() => pack([value]), ArgumentError));
  }

  test("nesting is bounded", () => {
    let value = null;
    for (let i = 0; i < 62; i++) value = [value];
    assert.deepEqual(unpack(pack(value)), value);
    assert.throws(() => pack([value]), ArgumentError);
    value = {};
    value.self = value;
    assert.throws(() => pack(value), ArgumentError);
  });

  test("results are JavaScript values", () => {
    for (const value of [null, true, 1, -1, 1.5, NaN, 2 ** 52, 2n ** 60n, "é", "\ufeffx", new Uint8Array([255]), [1, [2]], { a: { b: 1 } }]) {
      assert.deepEqual(unpack(pack(value)), value);
    }
    const when = new Date(1234567890123); // as a Go handler may return it
    assert.deepEqual(unpack(msgpack(when)), when);
    assert.deepEqual(unpack(Buffer.from("a1ff", "hex")), new Uint8Array([255]));
    assert.deepEqual(unpack(Buffer.from("8101a178", "hex")), { 1: "x" });
    const odd = unpack(Buffer.from("81a95f5f70726f746f5f5f01", "hex"));
    assert.deepEqual([Object.keys(odd), Object.getPrototypeOf(odd)], [["__proto__"], Object.prototype]);
    assert.throws(() => unpack(Buffer.from("dd7fffffff", "hex")), StarburstError);
  });
});

describe("the table's schema", () => {
  test("chunks", () => {
    assert.deepEqual([chunkSize(10), chunkSize(10_000), chunkSize(1e9), chunkSize(100_000, 10, 4)], [1, 7, 1000, 157]);
    assert.deepEqual([chunkSize(10_000, 100, 1, 60), chunkSize(1_000_000, 100, 1, 0.001)], [1, 1000]);
    assert.deepEqual(cut(Array(10).fill(1), 4), [4, 4, 2]);
    assert.deepEqual(cut([30, 30, 30, 200, 1], 10, 64), [2, 1, 1, 1]);
  });

  test("shards and keys are those of the table", () => {
    // From the Go package: store.ShardOf(root, 8) and the partition of a job in the index.
    assert.deepEqual([0, 1, 7, 100, 12345, 2 ** 31 - 1].map((root) => shardOf(root, 8)), [3, 6, 0, 5, 5, 7]);
    assert.deepEqual(["a", "job-7", "0123456789abcdef"].map((name) => spread(Buffer.from(name), 4)), [3, 2, 3]);
    assert.equal(escapePath("a b/ü:@$!'()*~&+="), "a%20b%2F%C3%BC:@$%21%27%28%29%2A~&+=");
  });

  test("plans survive", () => {
    for (const sizes of [[3, 3, 2, 7, 10_000, 1], Array.from({ length: 300 }, (_, i) => i + 1), [1]]) {
      assert.deepEqual(decodeSizes(encodeSizes(sizes)), sizes);
    }
    assert.equal(encodeSizes([2, 5, 4, 200]).toString("hex"), "0406018803"); // as the Go package writes them
  });
});

const packed = (value) => ({ B: Buffer.concat([Buffer.of(0), msgpack(value)]) });

function outcomes(...items) {
  const records = items.map(([identity, ix, d]) => recordOf({ ix: packed(ix), tok: { S: "t" }, ...(d === undefined ? {} : { d: packed(d) }) }, identity));
  return mergeOutcomes(records.sort(byWalk).flatMap((r) => outcomesOf(r, r.packed)));
}

describe("result items", () => {
  test("children and retries are merged", () => {
    const got = outcomes(
      ["0.1.r1", { o: [3, 1] }, { r: ["again"] }],
      ["0", { o: [0, 2], e: [4, 1], c: [[1, 2, [2, 2]]] }, { r: ["a", "b"], f: [["panic", "boom", "st", 3, [1]]] }],
      ["0.1", { o: [2, 1], e: [3, 1] }, { r: ["c"], f: [["error", "first", "", 2]] }],
      ["0.r2", { e: [4, 1] }, { f: [["died", "later", "", 1]] }],
    );
    assert.deepEqual(got.slice(0, 4).map((o) => [o.index, o.result()]), [[0, "a"], [1, "b"], [2, "c"], [3, "again"]]);
    assert.ok(got[4].error instanceof TaskDiedError);
    assert.equal(got[4].error.reason, "later");
  });

  test("kinds of failure are types", () => {
    const kinds = ["error", "panic", "decode", "timeout", "deadline", "died", "result", "something new"];
    const got = outcomes(["0", { e: [0, kinds.length] }, { f: kinds.map((k) => [k, "m", "s", 1, { a: k }]) }]);
    assert.deepEqual(got.map((o) => o.error.kind), kinds);
    assert.deepEqual(got.map((o) => o.error instanceof TaskTimeoutError), kinds.map((k) => k === "timeout" || k === "deadline"));
    assert.deepEqual([got[1].error.argument, got[1].error.workerStack], [{ a: "panic" }, "s"]);
    assert.throws(() => got[2].result(), (e) => e instanceof TaskError && e.message === "task 2 failed (decode): m");
  });

  for (const [ix, d] of [
    [{ o: [0, 2] }, { r: [1] }], [{ o: [0, 20_000] }, { r: [] }], [{ o: [0, 0] }], [{ o: [-1, 1] }, { r: [1] }], [{ o: [0, 1] }],
    [{ e: [0, 1] }, { f: [["error"]] }], [null], [{ o: [0, 1] }, 7],
  ]) {
    test(`broken: ${JSON.stringify([ix, d])}`, () => assert.throws(() => outcomes(["0", ix, d]), CorruptResultError));
  }

  test("compressed results are read", () => {
    const frame = Buffer.from("28b52ffd6017267d00004081a17291da27107801000c87075c", "hex"); // {"r": ["x" × 10,000]}, by libzstd
    const record = recordOf({ ix: packed({ o: [0, 1] }), d: { B: Buffer.concat([Buffer.of(1), frame]) } }, "0");
    assert.equal(outcomesOf(record, record.packed)[0].value, "x".repeat(10_000));
    assert.throws(() => outcomesOf(record, record.packed.subarray(0, -9)), CorruptResultError);
  });
});

test("a stack must be named", () => {
  assert.throws(() => new Starburst({ queueUrl: "q", table: "" }), /STARBURST_TABLE is not set/);
});

test("functions are no handlers", async () => {
  const sb = new Starburst({ queueUrl: "q", table: "t" });
  await assert.rejects(sb.run(() => 1, 1), /name a handler/);
});
