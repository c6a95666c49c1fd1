import assert from "node:assert/strict";
import test from "node:test";

import { shortLabels } from "../../eegcore/web/labels.js";

test("a common beginning is left out when labels are long", () => {
  assert.deepEqual(shortLabels(["EXG Channel 0", "EXG Channel 1"]), ["…0", "…1"]);
});

test("short labels stay as they are", () => {
  assert.deepEqual(shortLabels(["Fp1", "Fp2"]), ["Fp1", "Fp2"]);
  assert.deepEqual(shortLabels(["a very long label"]), ["a very long label"]);
});

test("labels without a common beginning stay as they are", () => {
  assert.deepEqual(shortLabels(["left mastoid", "right mastoid"]), ["left mastoid", "right mastoid"]);
});

test("a label that is the beginning of the others keeps its last letter", () => {
  assert.deepEqual(shortLabels(["Channel 1", "Channel 11"]), ["…1", "…11"]);
});
