import assert from "node:assert/strict";
import test from "node:test";

import { FirstFit, FIT_S } from "../../eegcore/web/first_fit.js";
import { History } from "../../eegcore/web/history.js";
import { Flag } from "../../eegcore/web/protocol.js";
import { isChosen, scaleOf, withScale } from "../../eegcore/web/settings.js";
import { scalesOf, scaleText } from "../../eegcore/web/units.js";

const SPS = 100;

/** Packets of 10 frames until a fit is due. @param {FirstFit} fit @param {boolean} settling */
function packetsUntilDue(fit, settling) {
  for (let n = 1; n <= 100; n += 1) if (fit.take({ nFrames: 10, flags: settling ? Flag.SETTLING : 0, sps: SPS })) return n;
  return Infinity;
}

test("settled data are fitted once", () => {
  const fit = new FirstFit();
  assert.equal(packetsUntilDue(fit, false), (FIT_S * SPS) / 10);
  assert.equal(packetsUntilDue(fit, false), Infinity);
  fit.begin();
  assert.equal(packetsUntilDue(fit, false), (FIT_S * SPS) / 10);
});

test("settling filters are fitted soon, and once more when they have settled", () => {
  const fit = new FirstFit();
  assert.equal(packetsUntilDue(fit, true), (FIT_S * SPS) / 10);
  assert.equal(packetsUntilDue(fit, true), Infinity);
  assert.equal(packetsUntilDue(fit, false), (FIT_S * SPS) / 10);
  assert.equal(packetsUntilDue(fit, false), Infinity);
});

test("a scale that the page chose is not taken for a person's choice", () => {
  const settings = { scaleUv: 50, scaleCounts: 10_000, scaleKohm: 50, chosenScales: "" };
  Object.assign(settings, withScale(settings, "uV", 200, false));
  assert.equal(scaleOf(settings, "uV"), 200);
  assert.equal(isChosen(settings, "uV"), false);
  Object.assign(settings, withScale(settings, "kOhm", 20, true));
  assert.deepEqual([scaleOf(settings, "kOhm"), isChosen(settings, "kOhm"), isChosen(settings, "uV")], [20, true, false]);
});

test("scales are written in the unit that people use", () => {
  assert.deepEqual([scaleText(50, "uV"), scaleText(20_000, "uV"), scaleText(2e6, "uV")], ["50 µV", "20 mV", "2 V"]);
  assert.deepEqual([scaleText(50, "kOhm"), scaleText(10_000, "counts")], ["50 kΩ", "10\u202f000 counts"]);
  assert.ok(scalesOf("uV").at(-1) >= 4.5e6, "the rails of a chip at gain 1 can be shown");
});

test("values that do not swing about zero need room from zero on", () => {
  const history = new History(2, 10);
  history.add(new Float32Array([150, -20, 151, -10]), 2, 0);
  assert.deepEqual(history.peakToPeak(10), [1, 10]);
  assert.deepEqual(history.peakToPeak(10, true), [302, 40]);
});
