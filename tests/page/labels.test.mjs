import assert from "node:assert/strict";
import test from "node:test";

import { shortLabels } from "../../eegcore/web/labels.js";

test("a common beginning is left out when labels are long, a number keeps a hint of it", () => {
  assert.deepEqual(shortLabels(["EXG Channel 0", "EXG Channel 1"]), ["EXG 0", "EXG 1"]);
  assert.deepEqual(shortLabels(["EXG Channel 10", "EXG Channel 11"]), ["EXG 10", "EXG 11"]);
  assert.deepEqual(shortLabels(["Channel10", "Channel11"]), ["Ch 10", "Ch 11"]);
});

test("what is left and speaks for itself stands alone", () => {
  assert.deepEqual(shortLabels(["EEG Fp1-Ref", "EEG Fp2-Ref"]), ["Fp1-Ref", "Fp2-Ref"]);
});

test("short labels stay as they are", () => {
  assert.deepEqual(shortLabels(["Fp1", "Fp2"]), ["Fp1", "Fp2"]);
  assert.deepEqual(shortLabels(["a very long label"]), ["a very long label"]);
});

test("labels without a common beginning stay as they are", () => {
  assert.deepEqual(shortLabels(["left mastoid", "right mastoid"]), ["left mastoid", "right mastoid"]);
  assert.deepEqual(shortLabels(["MastoidLeft", "MastoidLower"]), ["MastoidLeft", "MastoidLower"]);
});

test("a label that is the beginning of the others keeps its last letter", () => {
  assert.deepEqual(shortLabels(["Channel 1", "Channel 11"]), ["Ch 1", "Ch 11"]);
});
