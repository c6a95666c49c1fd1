import assert from "node:assert/strict";
import test from "node:test";

import { fieldsOf } from "../../eegcore/web/stage_fields.js";
import { addable, outputsOf, problemsOf, proposedId, readersOf, stageFrom } from "../../eegcore/web/stage_making.js";

const CATALOGUE = [
  { name: "acquire", role: "source", inputs: [0, 0] }, { name: "gain", role: "stage", inputs: [1, 1] },
  { name: "zip", role: "stage", inputs: [2, 8] }, { name: "csv_sink", role: "sink", inputs: [1, 1] },
];
const CONFIG = { stages: {
  acquire: { type: "acquire", inputs: [] }, stats: { type: "gain", inputs: ["acquire"] },
  ws_gain: { type: "csv_sink", inputs: ["stats.mean"] }, last: { type: "gain", inputs: ["stats.rms", "acquire"] } } };
const FIELDS = fieldsOf({ required: ["to"], properties: {
  to: { type: "number" }, factor: { type: "number", default: 1 }, labels: { type: "array" } } });

test("what can stand behind one output is offered", () => {
  assert.deepEqual(addable(CATALOGUE).map(({ name }) => name), ["gain", "csv_sink"]);
});

test("an id is proposed that is free, and whose sink is", () => {
  assert.equal(proposedId("notch", CONFIG), "notch");
  assert.equal(proposedId("last", CONFIG), "last_2");
  assert.equal(proposedId("gain", CONFIG), "gain_2");
});

test("outputs are named by their ports where there are several, and sinks have none", () => {
  const plan = { stages: [{ id: "stats", outputs: [{ port: "mean" }, { port: "rms" }] }, { id: "last", outputs: [{ port: "out" }] }] };
  assert.deepEqual(outputsOf(CONFIG, plan, CATALOGUE), ["acquire", "stats.mean", "stats.rms", "last"]);
  assert.deepEqual(outputsOf(CONFIG, null, CATALOGUE), ["acquire", "stats", "last"]);
  assert.deepEqual(readersOf(CONFIG, "stats.rms"), ["last"]);
  assert.deepEqual(readersOf(CONFIG, "acquire"), ["stats", "last"]);
});

test("a stage is its type and what is not as by default", () => {
  const texts = { to: "250", factor: "1", labels: "" };
  assert.deepEqual(stageFrom("resample", FIELDS, (key) => texts[key]), { type: "resample", to: 250 });
  assert.throws(() => stageFrom("resample", FIELDS, () => "x"), { key: "to" });
});

test("what the server found wrong stands at its field", () => {
  const error = Object.assign(new Error("two"), { details: { problems: [
    { path: "stages.new.to", message: "7 is no ratio", allowed: "2 to 9", hint: "" },
    { path: "stages.new.inputs", message: "bands need a spectrum", hint: "Put an fft in between" }] } });
  const { byKey, rest } = problemsOf(error, "new", FIELDS);
  assert.deepEqual([...byKey], [["to", "7 is no ratio. 2 to 9."]]);
  assert.equal(rest, "bands need a spectrum. Put an fft in between.");
  assert.equal(problemsOf(new Error("AddStage: locked"), "new", FIELDS).rest, "AddStage: locked");
});
