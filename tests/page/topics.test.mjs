import assert from "node:assert/strict";
import test from "node:test";

import { chooseTopic, listTopics } from "../../eegcore/web/topics.js";

const CONFIG = { stages: {
  impedance: { type: "impedance", inputs: ["to_voltage"] },
  ws_impedance: { type: "websocket_sink", inputs: ["impedance"], topic: "contact" },
  ws: { type: "websocket_sink", inputs: ["bandpass"], topic: "eeg" } } };

test("impedances are told from voltages by the plan, before it by the configuration", () => {
  const plan = { stages: [
    { id: "ws", inputs: ["bandpass"] }, { id: "bandpass", outputs: [{ port: "out", kind: "VOLTAGE_F32", unit: "kOhm" }] }] };
  assert.deepEqual(listTopics([], CONFIG, null).map(({ name, kohm }) => [name, kohm]), [["contact", true], ["eeg", false]]);
  assert.deepEqual(listTopics([], CONFIG, plan).map(({ name, kohm }) => [name, kohm]), [["contact", true], ["eeg", true]]);
});

test("impedances are the traces only if somebody wants them or nothing else is there", () => {
  const topics = listTopics(["contact", "eeg"], CONFIG, null);
  assert.equal(chooseTopic(topics, false, null), "eeg");
  assert.equal(chooseTopic(topics, false, "contact"), "contact");
  assert.equal(chooseTopic(topics.slice(0, 1), false, null), "contact");
  assert.equal(chooseTopic(listTopics(["impedance", "eeg"], null, null), false, null), "eeg");
});
