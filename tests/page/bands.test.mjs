import assert from "node:assert/strict";
import test from "node:test";

import { barsOf, isBars } from "../../eegcore/web/bands.js";
import { chooseTopic, listTopics } from "../../eegcore/web/topics.js";

const BANDS = { unit: "uV^2", axis_hz: [2.5, 10.5, 50], bands: { delta: [1, 4], alpha: [8, 13], my_band: [40, 60] } };
const MAINS = { unit: "uV", axis_hz: [50, 100], bands: {}, mains_level: { hz: 50, tolerance_hz: 0.25 } };

test("bands and lines are bars, a density is a curve", () => {
  assert.ok(isBars(BANDS));
  assert.ok(isBars(MAINS));
  assert.ok(!isBars({ unit: "uV^2/Hz", axis_hz: [0, 0.5, 1], bands: {} }));
  assert.ok(!isBars({ unit: "uV" }));
});

test("a bar is as long as its value beside the largest", () => {
  const bars = barsOf(BANDS, [200, 50, 0]);
  assert.deepEqual(bars.map((bar) => bar.share), [1, 0.25, 0]);
  assert.deepEqual(bars.map((bar) => bar.text), ["200 µV²", "50.0 µV²", "0.00 µV²"]);
  assert.deepEqual(bars.map((bar) => bar.name), ["δ", "α", "my_band"]);
  assert.equal(bars[1].title, "alpha, 8 to 13 Hz");
});

test("shares are beside the whole, lines have their frequency", () => {
  const shares = barsOf({ ...BANDS, unit: "1" }, [0.5, 0.25, 0.1]);
  assert.deepEqual(shares.map((bar) => [bar.share, bar.text]), [[0.5, "50 %"], [0.25, "25 %"], [0.1, "10 %"]]);
  assert.deepEqual(barsOf(MAINS, [12.34, 1]).map((bar) => [bar.name, bar.text]),
    [["50 Hz", "12.3 µV"], ["100 Hz", "1.00 µV"]]);
  assert.deepEqual(barsOf(MAINS, [2, 1]).map((bar) => bar.share), [0.2, 0.1]);
});

test("what is not known has no bar", () => {
  for (const values of [[], [Number.NaN, Number.NaN], [0, 0]]) {
    assert.deepEqual(barsOf(MAINS, values).map((bar) => bar.share), [0, 0]);
  }
  assert.equal(barsOf(MAINS, [])[0].text, "–");
});

const stages = {
  spectrum: { type: "fft", inputs: ["bandpass"] }, powers: { type: "bands", inputs: ["spectrum"] },
  hum: { type: "mains", inputs: ["spectrum"] }, a: { type: "websocket_sink", inputs: ["powers"] },
  b: { type: "websocket_sink", inputs: ["hum"] }, c: { type: "websocket_sink", inputs: ["spectrum"], topic: "psd" },
  d: { type: "websocket_sink", inputs: ["bandpass"], topic: "eeg" },
};
const PLAN = { stages: [
  ...Object.entries(stages).filter(([, s]) => s.inputs[0] !== "bandpass" || s.type === "websocket_sink")
    .map(([id, s]) => ({ id, type: s.type, inputs: s.inputs,
      outputs: s.type === "websocket_sink" ? [] : [{ port: "out", kind: "SPECTRUM_F32", unit: "uV^2" }] })),
  { id: "spectrum", type: "fft", outputs: [{ port: "out", kind: "SPECTRUM_F32", unit: "uV^2/Hz" }] },
  { id: "bandpass", type: "bandpass", outputs: [{ port: "out", kind: "VOLTAGE_F32", unit: "uV" }] }] };

for (const [name, plan] of [["configuration", null], ["plan", PLAN]]) {
  test(`bands are told from spectra by the ${name}`, () => {
    const topics = listTopics(["a", "b", "psd", "eeg"], { stages }, plan);
    assert.deepEqual(topics.filter((topic) => topic.bars).map((topic) => topic.name), ["a", "b"]);
    assert.equal(chooseTopic(topics, true, null), "psd");
    assert.equal(chooseTopic(topics, false, null), "eeg");
    assert.equal(chooseTopic(listTopics(["a"], { stages: { ...stages, c: {}, d: {} } }, plan), false, null), null);
  });
}
