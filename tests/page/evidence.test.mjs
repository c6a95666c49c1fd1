import assert from "node:assert/strict";
import test from "node:test";

import { evidenceOf, isRecording, withElectrodes } from "../../eegcore/web/evidence.js";
import { channelsText, measuredRateText, policyText, sourceRows } from "../../eegcore/web/figures.js";

const LABELS = ["Fp1", "Fp2"];
const NONE = new Set();

/** @param {any} source @param {any} [stages] between source and sink, by id */
function config(source, stages = {}) {
  const ids = ["source", ...Object.keys(stages)];
  const between = Object.entries(stages).map(([id, stage], i) => [id, { inputs: [ids[i]], ...stage }]);
  const sink = { type: "websocket_sink", inputs: [`${ids[ids.length - 1]}.out`], topic: "eeg" };
  return { stages: { source: { inputs: [], ...source }, ...Object.fromEntries(between), sink } };
}
const meta = (/** @type {any} */ more = {}) => ({ topic: "eeg", labels: LABELS, ...more });
const current = { lead_off: { labels: LABELS } };

test("a recording in uV has no rails: nothing is known of it", () => {
  assert.deepEqual(evidenceOf(meta(), config({ type: "playback", raw: false }), NONE), { saturated: false, leadOff: false });
  assert.equal(evidenceOf(meta(), config({ type: "playback", raw: true }), NONE).saturated, true);
  const limited = config({ type: "playback", raw: false }, { saturation: { type: "saturation", limit_uv: 1e5 } });
  assert.equal(evidenceOf(meta(), limited, NONE).saturated, true);
});

test("a board sees saturation, and lead-off only while it sends a current", () => {
  const board = config({ type: "acquire" }, { notch: { type: "notch" } });
  assert.deepEqual(evidenceOf(meta(), board, NONE), { saturated: true, leadOff: false });
  assert.deepEqual(evidenceOf(meta(current), board, NONE), { saturated: true, leadOff: true });
  assert.equal(evidenceOf(meta({ lead_off: { labels: ["Fp1"] } }), board, NONE).leadOff, false);
  assert.equal(evidenceOf(meta({ lead_off: { labels: ["Fp1"] } }), board, new Set(["Fp2"])).leadOff, true);
});

test("a recorded current is heard only if a stage listens", () => {
  const recording = { type: "playback", raw: false };
  assert.equal(evidenceOf(meta(current), config(recording), NONE).leadOff, false);
  assert.equal(evidenceOf(meta(current), config(recording, { lead_off: { type: "lead_off" } }), NONE).leadOff, true);
});

test("one source of two that has no rails is enough not to know", () => {
  const two = config({ type: "acquire" }, { zip: { type: "align_and_zip", inputs: ["source", "other"] } });
  two.stages.other = { type: "playback", inputs: [], raw: false };
  assert.equal(evidenceOf(meta(), two, NONE).saturated, false);
});

test("before configuration and data nothing is known", () => {
  assert.deepEqual(evidenceOf(meta(current), null, NONE), { saturated: false, leadOff: false });
  assert.deepEqual(evidenceOf(null, config({ type: "acquire" }), NONE), { saturated: false, leadOff: false });
});

test("words say what is known and no more", () => {
  /** @param {boolean} saturated @param {boolean} leadOff */
  const say = (saturated, leadOff) => channelsText(LABELS, new Map(), { saturated, leadOff }).text;
  assert.equal(say(true, true), "2 channels good");
  assert.equal(say(true, false), "none saturated");
  assert.equal(say(false, true), "no lead off");
  assert.equal(say(false, false), "");
  const states = withElectrodes(LABELS, new Map(), new Map([["Fp2", "150 kΩ"], ["elsewhere", "1 MΩ"]]));
  assert.deepEqual(channelsText(LABELS, states, { saturated: false, leadOff: false }), { text: "check Fp2", isBad: true });
});

test("only what plays a file once has an end", () => {
  assert.equal(isRecording(config({ type: "playback", loop: false })), true);
  assert.equal(isRecording(config({ type: "playback", loop: true })), false);
  assert.equal(isRecording(config({ type: "acquire" })), false);
  assert.equal(isRecording(null), false);
});

test("a source shows its true rate, and counters only if they are not zero", () => {
  const source = { rate_sps: 4000.021, missed: 0, late: 2, restarts: 1, spurious: 0 };
  assert.deepEqual(sourceRows({ sources: { acquire: source } }).map(({ text, value }) => `${text} ${value}`), [
    "acquire 4\u202f000.02 SPS", "acquire: frames read too late 2", "acquire: restarts of the chips 1"]);
  assert.deepEqual(sourceRows(null), []);
  assert.equal(measuredRateText(250.0349), "250.03 SPS");
});

test("policies of queues are said in words", () => {
  assert.equal(policyText("block"), "if full, the sender waits");
  assert.equal(policyText("fail", true), "if full, the run fails");
  assert.equal(policyText("fail", false), "if full, its sink ends");
  assert.equal(policyText("something_new"), "something new");
});
