// SPDX-License-Identifier: Apache-2.0
// Every golden vector of the wire format, read and written again by the Node.js helper.

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";

import { BadMessageError, decode, decodeMessage, encode, encodeJSON, toJSON } from "./starburst.mjs";

/** Parses JSON with numbers as text, so that 1 and 1.0 differ and no digit is lost. */
function parse(text) {
  const tagged = text.replace(/"(?:[^"\\]|\\.)*"|-?[0-9][0-9.eE+-]*/g, (token) => {
    if (token.startsWith('"')) return token;
    return JSON.stringify(/[.eE]/.test(token) ? `float ${Number(token)}` : `integer ${token}`);
  });
  return JSON.parse(tagged);
}

const integer = (tagged) => Number(tagged.replace("integer ", ""));

const vectors = parse(readFileSync(new URL("../../codec/testdata/vectors/messages.json", import.meta.url), "utf8"));

/** A message as the vectors write it. */
function wire(m) {
  const out = { f: m.handler };
  const set = (key, value, missing) => {
    if (value !== missing && value !== undefined) out[key] = value;
  };
  const n = (value) => (value === undefined ? undefined : `integer ${value}`);
  set("j", m.job, "");
  set("q", n(m.first), "integer 0");
  set("i", m.indices?.map(n));
  set("m", m.identity, "");
  set("id", m.id, "");
  set("a", n(m.attempt), "integer 1");
  set("dl", n(m.deadline), "integer 0");
  set("tp", m.trace, "");
  if (m.offload) {
    const { key, sha256, length, count } = m.offload;
    return { ...out, s3: key, sha: Buffer.from(sha256).toString("hex"), len: n(length), n: n(count) };
  }
  return { ...out, t: m.args.map((arg) => parse(toJSON(arg))) };
}

/** The body and the msgpack in it, written out in full. */
function bytesOf({ body, raw, repeat }) {
  const times = repeat ? integer(repeat.times) : 0;
  return [body + (repeat?.body ?? "").repeat(times), raw === undefined ? undefined : Buffer.from(raw + (repeat?.raw ?? "").repeat(times), "hex")];
}

test("there are vectors", () => assert.ok(vectors.length >= 60));

for (const vector of vectors) {
  test(`vector: ${vector.name}`, () => {
    const [body, raw] = bytesOf(vector);
    if (vector.reason) {
      assert.throws(() => decode(body), BadMessageError);
      if (raw) assert.throws(() => decodeMessage(raw), BadMessageError);
      return;
    }
    const m = decode(body);
    assert.deepEqual(wire(m), vector.message);
    if (raw) assert.deepEqual(wire(decodeMessage(raw)), vector.message);
    if ("json" in vector) assert.deepEqual(parse(toJSON(raw)), vector.json);

    // What was read can be written again, and means the same.
    const want = { ...vector.message };
    if (want.m && !want.m.includes(".")) delete want.m; // a root's own identity goes without saying
    assert.deepEqual(wire(decode(encode(m))), want);
    if (!m.offload) assert.deepEqual(wire(decode(encodeJSON(m))), want);
  });
}
