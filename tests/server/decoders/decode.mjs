/** Header fields and samples of one binary message of /ws/data (an ArrayBuffer). */
export function decode(message) {
  const view = new DataView(message);
  if (view.getUint32(0, true) !== 0x31474545) throw new Error("not a packet of eegcore");
  const kind = view.getUint8(4);
  const nFrames = view.getUint32(8, true), nChannels = view.getUint32(12, true), nBins = view.getUint32(60, true);
  const values = nFrames * nChannels * (kind === 4 ? nBins : 1); // value of channel c in frame f: [f * nChannels + c]
  const counts = kind === 1 || kind === 3 ? new Int32Array(message, 64, values) : null;
  const data = kind !== 1 ? new Float32Array(message, kind === 3 ? 64 + 4 * values : 64, values) : null;
  return {
    kind, nFrames, nChannels, nBins, counts, data,
    flags: view.getUint8(5), topicId: view.getUint16(6, true),
    frameIndex: Number(view.getBigUint64(16, true)), tNs: view.getBigInt64(24, true), sps: view.getFloat64(32, true),
    metaRev: view.getUint32(40, true), configRev: view.getUint32(44, true),
    step: [view.getUint32(52, true), view.getUint32(56, true)],
  };
}
