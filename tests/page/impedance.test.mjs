import assert from "node:assert/strict";
import test from "node:test";

import { ageText, FAIR_KOHM, GOOD_KOHM, kohmText, ratingOf, summaryText, tileTexts } from "../../eegcore/web/impedance.js";

test("limits belong to the better side", () => {
  assert.equal(ratingOf(GOOD_KOHM), "good");
  assert.equal(ratingOf(GOOD_KOHM + 0.01), "fair");
  assert.equal(ratingOf(FAIR_KOHM), "fair");
  assert.equal(ratingOf(FAIR_KOHM + 0.01), "poor");
});

test("an input at its rails, one without current and one not measured yet are three things", () => {
  assert.equal(ratingOf(NaN), "off");
  assert.equal(ratingOf(NaN, false), "unmeasured");
  assert.equal(ratingOf(undefined), "waiting");
  assert.deepEqual(tileTexts("off", NaN), ["off", "no value"]);
  assert.deepEqual(tileTexts("unmeasured", NaN), ["–", "no current"]);
});

test("values have the digits they are good for", () => {
  const texts = [3.21, 9.94, 9.96, 12.4, 150.04, 999.4, 999.6, 1540].map(kohmText);
  assert.deepEqual(texts, ["3.2 kΩ", "9.9 kΩ", "10 kΩ", "12 kΩ", "150 kΩ", "999 kΩ", "1.0 MΩ", "1.5 MΩ"]);
});

test("the summary counts what there is, best first", () => {
  assert.equal(summaryText(["poor", "good", "off", "good"]), "2 good · 1 poor · 1 off");
  assert.equal(summaryText([]), "");
});

test("ages are said in the unit they have grown to", () => {
  assert.deepEqual([0.42, 12.2, 200, Infinity].map(ageText), ["0.4 s old", "12 s old", "3 min old", ""]);
});
