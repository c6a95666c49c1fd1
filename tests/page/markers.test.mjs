import assert from "node:assert/strict";
import test from "node:test";

import { bytesText, leftText } from "../../eegcore/web/figures.js";
import { lockedStages, lockText } from "../../eegcore/web/locks.js";
import { Markers, placed } from "../../eegcore/web/markers.js";

const marker = (frame_index, text = "m", run_id = "a") => ({ run_id, frame_index, text, t_unix_ns: 0, duration_s: 0 });

test("a marker stands where the sweep drew its frame, from its frame on until the sweep comes again", () => {
  const sweep = { folded: 2500, span: 950, width: 100, framesPerColumn: 10 };
  const list = [1000, 1550, 1551, 2000, 2500, 2501].map((frame) => marker(frame));
  assert.deepEqual(placed(list, sweep, 1).map(({ marker: m, x }) => [m.frame_index, Number(x.toFixed(3))]),
    [[1551, 55.1], [2000, 0], [2500, 50]]);
  // of a stream with a quarter of the device's frames
  assert.deepEqual(placed([marker(8000)], sweep, 0.25).map(({ x }) => x), [0]);
});

test("markers are of one run, each once, by frame", () => {
  const markers = new Markers();
  markers.add(marker(5));
  markers.add(marker(3));
  markers.add(marker(5));
  assert.deepEqual(markers.list.map((m) => m.frame_index), [3, 5]);
  markers.add(marker(1, "m", "b"));
  assert.deepEqual(markers.list.map((m) => m.frame_index), [1]);
  for (let i = 0; i < 1100; i += 1) markers.add(marker(10 + i, "m", "b"));
  assert.equal(markers.list.length, 1000);
});

test("whatever reaches a recorder is locked, and nothing else", () => {
  const config = { stages: {
    acquire: { inputs: [] }, notch: { inputs: ["acquire"] }, zip: { inputs: ["notch", "acquire.raw"] },
    bdf: { inputs: ["acquire"] }, csv: { inputs: ["notch.out"] }, fft: { inputs: ["zip"] } } };
  assert.deepEqual([...lockedStages(config, ["bdf"]).keys()].sort(), ["acquire", "bdf"]);
  const both = lockedStages(config, ["bdf", "csv"]);
  assert.deepEqual(both.get("acquire"), ["bdf", "csv"]);
  assert.deepEqual([...both.keys()].sort(), ["acquire", "bdf", "csv", "notch"]);
  assert.equal(lockedStages(null, ["gone"]).size, 0);
  assert.match(lockText(["bdf", "csv"]), /^Locked while bdf and csv record\./);
});

test("bytes and the time the disk will do, as people say them", () => {
  assert.deepEqual([0, 999, 1000, 13_400_000, 2.5e9].map(bytesText), ["0 B", "999 B", "1.0 kB", "13 MB", "2.5 GB"]);
  assert.deepEqual([null, 30, 3000, 7200 * 2, 86_400 * 3].map(leftText),
    ["", "disk for 0 min", "disk for 50 min", "disk for 4 h", "disk for 3 days"]);
});
