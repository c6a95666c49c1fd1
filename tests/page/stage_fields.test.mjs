import assert from "node:assert/strict";
import test from "node:test";

import { adjustable, fieldsOf, summaryOf, textOf, valueFrom } from "../../eegcore/web/stage_fields.js";

const SCHEMA = {
  properties: {
    hz: { type: "number", description: "frequency" },
    order: { type: "integer" },
    family: { type: "string", enum: ["butterworth", "bessel"] },
    tracking: { type: "boolean" },
    max_hz: { anyOf: [{ type: "number" }, { type: "null" }] },
    factor: { anyOf: [{ type: "number" }, { type: "array" }] },
    labels: { anyOf: [{ type: "array" }, { type: "null" }] },
    topic: { type: "string" },
  },
};
const fields = fieldsOf(SCHEMA);
const field = (key) => fields.find((one) => one.key === key);

test("a schema becomes fields", () => {
  assert.deepEqual(fields.map(({ kind }) => kind),
    ["number", "integer", "choice", "switch", "number", "number", "shown", "text"]);
  assert.deepEqual(fields.filter(({ optional }) => optional).map(({ key }) => key), ["max_hz", "labels"]);
  assert.equal(field("hz").help, "frequency");
  assert.deepEqual(field("family").choices, ["butterworth", "bessel"]);
});

test("text becomes a value, or a sentence about it", () => {
  assert.equal(valueFrom(field("hz"), " 49,5 "), 49.5);
  assert.equal(valueFrom(field("order"), "4"), 4);
  assert.equal(valueFrom(field("tracking"), "false"), false);
  assert.equal(valueFrom(field("max_hz"), ""), null);
  assert.equal(valueFrom(field("family"), "bessel"), "bessel");
  assert.throws(() => valueFrom(field("hz"), "fast"), /hz: "fast" is no number/);
  assert.throws(() => valueFrom(field("hz"), ""), /no number/);
  assert.throws(() => valueFrom(field("order"), "4.5"), /not whole/);
});

test("a value becomes text", () => {
  assert.equal(textOf(null), "");
  assert.equal(textOf(0.5), "0.5");
  assert.equal(textOf(["a"]), '["a"]');
});

test("only stages can be adjusted, and in the order of the pipeline", () => {
  const catalogue = [
    { name: "acquire", role: "source", doc: "", settings: SCHEMA },
    { name: "notch", role: "stage", doc: "n", settings: SCHEMA },
    { name: "csv_sink", role: "sink", doc: "", settings: SCHEMA },
    { name: "bare", role: "stage", doc: "", settings: {} },
  ];
  const config = { stages: {
    acquire: { type: "acquire", hz: 1 }, second: { type: "notch", hz: 50, order: 3 }, bare: { type: "bare" },
    out: { type: "csv_sink", hz: 2 }, new_one: { type: "unknown" } } };
  const found = adjustable(config, catalogue);
  assert.deepEqual(found.map(({ id }) => id), ["second"]);
  assert.deepEqual(found[0].fields.map(({ key }) => key), ["hz", "order"]);
  assert.equal(summaryOf(found[0].fields, found[0].settings), "hz 50 · order 3");
  assert.deepEqual(adjustable(null, []), []);
});
