import assert from "node:assert/strict";
import test from "node:test";

import { fieldsOf, listed, summaryOf, textOf, valueFrom } from "../../eegcore/web/stage_fields.js";

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
    ["number", "integer", "choice", "switch", "number", "number", "rich", "text"]);
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
  for (const [written, value] of [["Fp1, O2", ["Fp1", "O2"]], ["1, 3", [1, 3]], ["Cz", ["Cz"]], ['["a"]', ["a"]]]) {
    assert.deepEqual(valueFrom(field("labels"), written), value);
  }
  assert.throws(() => valueFrom(field("hz"), "fast"), /hz: "fast" is no number/);
  assert.throws(() => valueFrom(field("hz"), ""), /no number/);
  assert.throws(() => valueFrom(field("order"), "4.5"), /not whole/);
});

test("a value becomes text", () => {
  assert.equal(textOf(null), "");
  assert.equal(textOf(0.5), "0.5");
  assert.equal(textOf(["a"]), '["a"]');
});

test("all stages are listed in the order of the pipeline, and only transforms have settings to change", () => {
  const catalogue = [
    { name: "acquire", role: "source", doc: "", settings: SCHEMA },
    { name: "notch", role: "stage", doc: "n", settings: SCHEMA },
    { name: "csv_sink", role: "sink", doc: "", settings: SCHEMA },
    { name: "bare", role: "stage", doc: "", settings: {} },
  ];
  const config = { stages: {
    acquire: { type: "acquire", hz: 1 }, second: { type: "notch", hz: 50, order: 3 }, bare: { type: "bare" },
    out: { type: "csv_sink", hz: 2 }, new_one: { type: "unknown" } } };
  const found = listed(config, catalogue);
  assert.deepEqual(found.map(({ id }) => id), ["acquire", "second", "bare", "out", "new_one"]);
  assert.deepEqual(found.map(({ role }) => role), ["source", "stage", "stage", "sink", "stage"]);
  assert.deepEqual(found.map(({ fields }) => fields.map(({ key }) => key)), [[], ["hz", "order"], [], [], []]);
  assert.equal(summaryOf(found[1].fields, found[1].settings), "hz 50 · order 3");
  assert.deepEqual(listed(null, []), []);
});
