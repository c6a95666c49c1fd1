// The page's decoder against messages written byte by byte, and the other parts that need no page.
import assert from "node:assert/strict";
import { test } from "node:test";

const WEB = new URL("../../eegcore/web/", import.meta.url);
const { decodePacket, kindNumber, ProtocolError, samplesOf, spectrumOf, streamFrame } = await import(
  new URL("protocol.js", WEB));
const { waitMs } = await import(new URL("connection.js", WEB));
const { chooseTopic, listTopics } = await import(new URL("topics.js", WEB));
const { channelsText, clockText, grouped, ledgerText, losses, total } = await import(new URL("figures.js", WEB));
const { bandsFrom, BANDS, findPeak } = await import(new URL("peak.js", WEB));

/** A message as the table of the header says, with fields replaced. */
function message(fields, ...planes) {
  const payload = planes.flatMap((plane) => [...new Uint8Array(plane.buffer)]);
  const h = {
    kind: 2, flags: 0, topic: 7, nFrames: 2, nChannels: 3, frameIndex: 1000n, tNs: 123n, sps: 250, metaRev: 4,
    configRev: 5, bytes: payload.length, stepNum: 1, stepDen: 1, nBins: 0, ...fields,
  };
  const view = new DataView(new ArrayBuffer(64 + payload.length));
  [..."EEG1"].forEach((c, i) => view.setUint8(i, c.charCodeAt(0)));
  view.setUint8(4, h.kind);
  view.setUint8(5, h.flags);
  view.setUint16(6, h.topic, true);
  view.setUint32(8, h.nFrames, true);
  view.setUint32(12, h.nChannels, true);
  view.setBigUint64(16, h.frameIndex, true);
  view.setBigInt64(24, h.tNs, true);
  view.setFloat64(32, h.sps, true);
  view.setUint32(40, h.metaRev, true);
  view.setUint32(44, h.configRev, true);
  view.setUint32(48, h.bytes, true);
  view.setUint32(52, h.stepNum, true);
  view.setUint32(56, h.stepDen, true);
  view.setUint32(60, h.nBins, true);
  payload.forEach((byte, i) => view.setUint8(64 + i, byte));
  return view.buffer;
}

const SIX = Float32Array.of(1, 2, 3, 4, 5, 6);

test("every field of the header is read from its place", () => {
  const packet = decodePacket(message({ flags: 1 | 4, frameIndex: 2n ** 40n + 3n, tNs: -5n, stepNum: 16 }, SIX));
  assert.deepEqual(
    { ...packet, data: [...packet.data] },
    {
      kind: 2, flags: 5, topicId: 7, nFrames: 2, nChannels: 3, nBins: 0, frameIndex: 2 ** 40 + 3, tNs: -5n, sps: 250,
      metaRev: 4, configRev: 5, stepNum: 16, stepDen: 1, counts: null, data: [1, 2, 3, 4, 5, 6],
    });
});

test("counts come before microvolts in a packet that has both", () => {
  const counts = Int32Array.of(-1, 2, -3, 4, -5, 8388607);
  const packet = decodePacket(message({ kind: 3 }, counts, SIX));
  assert.deepEqual([...packet.counts], [...counts]);
  assert.deepEqual([...samplesOf(packet)], [...SIX]);
});

test("counts alone are scaled when the scale is known, channel by channel", () => {
  const packet = decodePacket(message({ kind: 1 }, Int32Array.of(1, 1, 1, 2, 2, 2)));
  assert.deepEqual([...samplesOf(packet)], [1, 1, 1, 2, 2, 2]);
  assert.deepEqual([...samplesOf(packet, [1, 10, 100])], [1, 10, 100, 2, 20, 200]);
});

test("a spectrum is read from the newest frame, bin by bin, for one channel", () => {
  const values = Float32Array.from({ length: 2 * 4 * 3 }, (_, i) => i); // [n_frames][n_bins][n_channels]
  const packet = decodePacket(message({ kind: 4, nBins: 4 }, values));
  assert.deepEqual([...spectrumOf(packet, 1)], [13, 16, 19, 22]);
});

test("frames of a decimated stream are consecutive in its own count", () => {
  const at = (frameIndex) => streamFrame(decodePacket(message({ frameIndex, stepNum: 16, nFrames: 2 }, SIX)));
  assert.equal(at(32n) - at(0n), 2);
});

test("frames of a stream with a fractional step are consecutive too", () => {
  const at = (frameIndex) =>
    streamFrame(decodePacket(message({ frameIndex, stepNum: 125, stepDen: 16, nFrames: 2 }, SIX)));
  for (let k = 0; k < 64; k++) assert.equal(at(BigInt(Math.floor((k * 125) / 16))), k);
});

test("what is no packet is refused, and the message says why", () => {
  const refuse = (buffer, pattern) => assert.throws(() => decodePacket(buffer), (error) => {
    assert.ok(error instanceof ProtocolError);
    assert.match(error.message, pattern);
    return true;
  });
  refuse(new ArrayBuffer(10), /message of 10 bytes.*header alone has 64/);
  refuse(new ArrayBuffer(64), /does not begin with EEG1/);
  refuse(message({ kind: 9 }, SIX), /packet kind 9. Known are 1 to 4/);
  refuse(message({ nFrames: 3 }, SIX), /payload of 24 bytes, header says 24, its shape needs 36/);
  refuse(message({ bytes: 20 }, SIX), /header says 20/);
  refuse(message({ nFrames: 0xffffffff, nChannels: 0xffffffff }, SIX), /its shape needs/);
});

test("kinds are understood as words and as numbers", () => {
  assert.deepEqual([4, "SPECTRUM_F32", "voltage_f32", "?", undefined].map(kindNumber), [4, 4, 2, 0, 0]);
});

test("waiting doubles from half a second to ten", () => {
  assert.deepEqual([1, 2, 3, 4, 5, 6, 60].map(waitMs), [500, 1000, 2000, 4000, 8000, 10000, 10000]);
});

test("topics come from the configuration before the pipeline runs, with their sort", () => {
  const config = {
    stages: {
      bandpass: { type: "bandpass" },
      psd: { type: "fft" },
      ws: { type: "websocket_sink", inputs: ["bandpass"], topic: "eeg" },
      ws2: { type: "websocket_sink", inputs: ["psd"], topic: "power" },
    },
  };
  const topics = listTopics([], config, null);
  assert.deepEqual(topics, [
    { name: "eeg", spectrum: false, bars: false, kohm: false }, { name: "power", spectrum: true, bars: false, kohm: false }]);
  assert.equal(chooseTopic(topics, true, null), "power");
  assert.equal(chooseTopic(topics, false, "gone"), "eeg");
  assert.equal(chooseTopic([], false, null), null);
});

test("the plan knows better than names what a topic carries", () => {
  const config = { stages: { ws: { type: "websocket_sink", inputs: ["x.b"], topic: "my_spectrum" } } };
  const plan = {
    stages: [{ id: "x", outputs: [{ port: "a", kind: "SPECTRUM_F32" }, { port: "b", kind: "VOLTAGE_F32" }] }],
  };
  assert.deepEqual(listTopics(["my_spectrum"], config, plan), [{ name: "my_spectrum", spectrum: false, bars: false, kohm: false }]);
  assert.deepEqual(listTopics(["spectrum", { topic: "s", kind: 4 }], null, null).map((t) => t.spectrum), [true, true]);
});

test("losses are told apart by where they happened", () => {
  const stats = {
    frames: 5000, lost: 30,
    sources: { acquire: { missed: 10, bad_status: 0, late: 2 } },
    edges: { "a->b": { dropped: { full: 17, stop: 1 } }, "b->c": { dropped: {} } },
    sinks: { csv: { refused: { disk_full: 3 } } },
  };
  const { frames, lost, rows } = losses(stats, 8);
  assert.deepEqual([frames, lost], [5000, 30]);
  assert.deepEqual(rows, [
    { text: "missed at the source", frames: 10 }, { text: "read too late", frames: 2 },
    { text: "dropped at a → b", frames: 18 }, { text: "refused by csv", frames: 3 },
    { text: "not sent to this page", frames: 8 },
  ]);
  assert.deepEqual(losses(null, 0).rows.map((row) => row.frames), [0, 0, 0]);
});

test("numbers and times are written for people", () => {
  assert.equal(grouped(1234567), "1\u202f234\u202f567");
  assert.deepEqual([7, 723, 3723].map(clockText), ["0:07", "12:03", "1:02:03"]);
  assert.equal(total({ a: 1, b: { c: 2 } }), 3);
  assert.match(ledgerText({ balanced: false }, {}), /does not balance/);
  assert.equal(ledgerText({ balanced: true }, { ok: true }), "The ledger balances.");
});

test("bad channels are named, or counted when they are many", () => {
  const labels = ["Fp1", "Fp2", "C3", "C4", "O1"];
  const bad = (...channels) => new Map(channels.map((channel) => [channel, new Set(["lead_off"])]));
  const watched = { saturated: true, leadOff: true };
  assert.deepEqual(channelsText(labels, bad(), watched), { text: "5 channels good", isBad: false });
  assert.deepEqual(channelsText(labels, bad(1, 4), watched), { text: "check Fp2, O1", isBad: true });
  const passing = new Map([[0, new Set(["blink"])], [1, new Set(["muscle", "flatline"])]]);
  assert.deepEqual(channelsText(labels, passing, watched), { text: "check Fp2", isBad: true });
  assert.deepEqual(channelsText(labels, bad(0, 1, 2, 3), watched), { text: "check 4 of 5", isBad: true });
});

test("the peak stands above the falling spectrum, and mains is none", () => {
  const axisHz = Float64Array.from({ length: 129 }, (_, i) => i / 2);
  const bump = (hz, at, height) => height * Math.exp(-(((hz - at) / 0.7) ** 2));
  const spectrum = axisHz.map((hz) => 50 / Math.max(hz, 0.5) + bump(hz, 11.3, 60) + bump(hz, 50, 1e5));
  const peak = findPeak(spectrum, axisHz);
  assert.ok(Math.abs(peak.hz - 11.3) < 0.15, `peak at ${peak.hz}`);
  assert.equal(findPeak(spectrum, axisHz, 1, 60).bin, peak.bin);
  assert.equal(findPeak(axisHz.map((hz) => 50 / Math.max(hz, 0.5)), axisHz), null);
  assert.equal(findPeak([], []), null);
});

test("bands of the meta message are taken, others are the usual ones", () => {
  assert.equal(bandsFrom(null), BANDS);
  assert.equal(bandsFrom({}), BANDS);
  assert.deepEqual(bandsFrom({ alpha: [7, 12] }), [{ name: "alpha", symbol: "α", lowHz: 7, highHz: 12 }]);
});
