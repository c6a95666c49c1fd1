// Columns against a model that looks at all samples at once, and the history they are folded from.
import assert from "node:assert/strict";
import { test } from "node:test";

const WEB = new URL("../../eegcore/web/", import.meta.url);
const { Columns } = await import(new URL("columns.js", WEB));
const { History } = await import(new URL("history.js", WEB));
const { LiveStream } = await import(new URL("live.js", WEB));
const { fittingScale, stepped } = await import(new URL("settings.js", WEB));

/** Small, seeded, good enough: a linear congruential generator in 32 bits. */
function random(seed) {
  let state = seed >>> 0;
  return () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return state / 2 ** 32;
  };
}

/** What the columns should be: every sample sorted into its column, NaN left out. */
function model(samples, nChannels, nFrames, framesPerColumn) {
  const columns = new Map();
  for (let f = 0; f < nFrames; f += 1) {
    const key = Math.floor(f / framesPerColumn);
    if (!columns.has(key)) columns.set(key, Array.from({ length: nChannels }, () => []));
    for (let c = 0; c < nChannels; c += 1) {
      const v = samples[f * nChannels + c];
      if (!Number.isNaN(v)) columns.get(key)[c].push(v);
    }
  }
  return [...columns.values()].slice(0, -1); // the last one is not finished
}

test("first, low, high and last of each column agree with the model, however the frames arrive", () => {
  for (let seed = 1; seed <= 60; seed += 1) {
    const next = random(seed);
    const nChannels = 1 + Math.floor(next() * 4);
    const nFrames = 50 + Math.floor(next() * 300);
    const framesPerColumn = [0.4, 1, 2.5, 7, 33.3][Math.floor(next() * 5)];
    const samples = Float32Array.from({ length: nFrames * nChannels },
      () => (next() < 0.05 ? NaN : Math.round((next() - 0.5) * 1000)));
    const columns = new Columns(nChannels, framesPerColumn);
    const seen = [];
    for (let f = 0; f < nFrames;) {
      const to = Math.min(nFrames, f + 1 + Math.floor(next() * 40));
      columns.fold(samples, nFrames, f, to);
      f = to;
      for (let k = 0; k < columns.n; k += 1) {
        seen.push(Array.from({ length: nChannels }, (_, c) => {
          const i = k * nChannels + c;
          return [columns.first[i], columns.low[i], columns.high[i], columns.last[i]];
        }));
      }
      columns.clear();
    }
    const expected = model(samples, nChannels, nFrames, framesPerColumn).map((column) => column.map((values) => (
      values.length === 0 ? [NaN, Infinity, -Infinity, NaN]
        : [values[0], Math.min(...values), Math.max(...values), values[values.length - 1]])));
    assert.deepEqual(seen, expected, `seed ${seed}`);
  }
});

test("a spike of one sample in a column of two thousand is still there", () => {
  const samples = new Float32Array(6000);
  samples[3217] = 4500;
  const columns = new Columns(1, 2000);
  columns.fold(samples, 6000, 0, 6000);
  assert.deepEqual([...columns.high.slice(0, columns.n)], [0, 4500]);
  assert.deepEqual([...columns.x.slice(0, 2)], [0.5, 1.5]);
});

test("a lone sample keeps its exact place", () => {
  const columns = new Columns(1, 0.4);
  columns.fold(new Float32Array(10), 10, 0, 4);
  assert.deepEqual([...columns.x.slice(0, columns.n)], [0, 2.5, 5]);
});

test("history gives missing frames their place and their width", () => {
  const history = new History(2, 10);
  assert.equal(history.add(Float32Array.of(1, 10, 2, 20), 2, 100), 0);
  assert.equal(history.add(Float32Array.of(6, 60), 1, 105, "client_slow"), 3);
  assert.deepEqual(history.gaps, [{ from: 102, to: 105, reason: "client_slow" }]);
  const channel = Array.from({ length: 6 }, (_, i) => history.data[((100 + i) % 10) * 2]);
  assert.deepEqual(channel, [1, 2, NaN, NaN, NaN, 6]);
  assert.deepEqual(history.peakToPeak(100), [5, 50]);
});

test("history wraps, forgets old gaps, and survives a gap longer than itself", () => {
  const history = new History(1, 8);
  for (let at = 0; at < 20; at += 5) history.add(Float32Array.of(at, at, at), 3, at);
  assert.equal(history.oldest, 10);
  assert.deepEqual(history.gaps.map((gap) => gap.from), [13]);
  assert.equal(history.add(Float32Array.of(7), 1, 1e9), 1e9 - 18);
  assert.ok(history.data.filter(Number.isNaN).length === 7);
});

test("numbering that begins anew is a new run", () => {
  const history = new History(1, 8);
  history.add(new Float32Array(4), 4, 1000);
  assert.equal(history.add(new Float32Array(4), 4, 0), -1);
  assert.deepEqual([history.begin, history.next, history.gaps.length], [0, 4, 0]);
});

test("a frozen copy does not change when data go on", () => {
  const history = new History(1, 8);
  history.add(Float32Array.of(1, 2), 2, 0);
  const frozen = history.clone();
  history.add(Float32Array.of(3), 1, 5);
  assert.deepEqual([frozen.next, frozen.gaps.length, frozen.data[5]], [2, 0, 0]);
});

test("a state of a channel lasts from one flags message to the next", () => {
  const live = new LiveStream(10);
  const meta = { topic: "eeg", topic_id: 1, kind: 2, labels: ["Fp1", "Cz"], unit: "uV", sps: 4, run_id: "r" };
  const packet = (frameIndex) => ({
    kind: 2, nFrames: 1, nChannels: 2, frameIndex, stepNum: 1, stepDen: 1, data: new Float32Array(2), counts: null,
  });
  assert.equal(live.describe(meta), true);
  live.add(meta, packet(0), "missed");
  live.flag(meta, { frame_index: 1, lead_off: ["Cz", "unknown"], saturated: [] });
  assert.deepEqual([...live.states], [[1, new Set(["lead_off"])]]);
  live.flag(meta, { frame_index: 9, lead_off: [], saturated: [] });
  assert.deepEqual(live.history.marks, [{ channel: 1, what: "lead_off", from: 1, to: 9 }]);
  assert.equal(live.states.size, 0);
});

test("a blink stays to be read for a second, a flat channel as long as it is flat", () => {
  const live = new LiveStream(10);
  const meta = { topic: "eeg", topic_id: 1, kind: 2, labels: ["Fp1", "Cz"], unit: "uV", sps: 4, run_id: "r" };
  const packet = (frameIndex) => ({
    kind: 2, nFrames: 1, nChannels: 2, frameIndex, stepNum: 1, stepDen: 1, data: new Float32Array(2), counts: null,
  });
  live.describe(meta);
  live.add(meta, packet(0), "missed");
  live.flag(meta, { frame_index: 1, blink: ["Fp1"], flatline: ["Cz"] });
  for (const at of [1, 2]) live.add(meta, packet(at), "missed");
  live.flag(meta, { frame_index: 3, flatline: ["Cz"] });
  assert.deepEqual([...live.states], [[1, new Set(["flatline"])]]);
  for (const at of [3, 4, 5]) live.add(meta, packet(at), "missed");
  assert.deepEqual([...live.shown], [[1, new Set(["flatline"])], [0, new Set(["blink"])]]);
  live.add(meta, packet(6), "missed");
  assert.deepEqual([...live.shown], [[1, new Set(["flatline"])]]);
});

test("after a reconnection the same run goes on with its hole, another run begins anew", () => {
  const live = new LiveStream(10);
  const meta = { topic: "eeg", topic_id: 1, kind: 2, labels: ["Cz"], unit: "uV", sps: 4, run_id: "r" };
  const packet = (frameIndex) => ({
    kind: 2, nFrames: 1, nChannels: 1, frameIndex, stepNum: 1, stepDen: 1, data: new Float32Array(1), counts: null,
  });
  live.describe(meta);
  live.add(meta, packet(0), "missed");
  live.flag(meta, { frame_index: 0, lead_off: ["Cz"] });
  assert.equal(live.describe({ ...meta, topic_id: 5 }), false);
  assert.equal(live.states.size, 0);
  assert.equal(live.add(meta, packet(9), "connection"), true);
  assert.match(live.gapsText, /1 gap in the picture, 8 frames.*connection was broken/);
  assert.equal(live.describe({ ...meta, run_id: "s" }), true);
  assert.equal(live.gapsText, "");
  assert.equal(live.history.next, -1);
});

test("scales step through their list and fit what is seen, one bad channel aside", () => {
  const steps = [5, 10, 20, 50, 100];
  assert.deepEqual([stepped(steps, 20, 1), stepped(steps, 5, -1), stepped(steps, 100, 1)], [50, 5, 100]);
  assert.equal(fittingScale(steps, [12, 15, 18, NaN, 5000]), 20);
  assert.equal(fittingScale(steps, [NaN]), null);
});
