// @ts-check
/**
 * The wire format of /ws/data: a 64-byte header, then the payload, frame-major.
 *
 * Pure: no socket and no page in here, so node can test it byte by byte. Everything is little-endian, as is
 * every machine a browser runs on; typed arrays are therefore views of the message and nothing is copied.
 */

export const HEADER_BYTES = 64;

/** Packet kinds, by number. */
export const Kind = Object.freeze({ RAW_I32: 1, VOLTAGE_F32: 2, RAW_AND_VOLTAGE: 3, SPECTRUM_F32: 4 });

/** Bits of the flags byte. */
export const Flag = Object.freeze({
  GAP: 1, SATURATED: 2, LEAD_OFF: 4, SETTLING: 8, IMPEDANCE: 16, LATE: 32, MORE: 128,
});

const MAGIC = 0x31474545; // "EEG1" read as a little-endian u32

/**
 * @typedef {object} Packet
 * @property {number} kind        one of `Kind`
 * @property {number} flags       bits of `Flag`
 * @property {number} topicId
 * @property {number} nFrames
 * @property {number} nChannels
 * @property {number} nBins       0 unless a spectrum
 * @property {number} frameIndex  device frame of the first frame
 * @property {bigint} tNs         CLOCK_MONOTONIC time of the first frame
 * @property {number} sps         frames per second of this stream
 * @property {number} metaRev
 * @property {number} configRev
 * @property {number} stepNum     frame i is device frame frameIndex + i * stepNum / stepDen
 * @property {number} stepDen
 * @property {Int32Array | null} counts    [nFrames][nChannels], kinds 1 and 3
 * @property {Float32Array | null} data    [nFrames][nChannels] in uV, or [nFrames][nBins][nChannels]
 */

/** A message that is not what the protocol says. */
export class ProtocolError extends Error {
  /** @param {string} message */
  constructor(message) {
    super(`/ws/data: ${message}`);
    this.name = "ProtocolError";
  }
}

/**
 * Decode one binary message.
 *
 * @param {ArrayBuffer} message
 * @returns {Packet} its arrays are views of `message`
 * @throws {ProtocolError} if magic, kind or lengths are wrong
 */
export function decodePacket(message) {
  if (message.byteLength < HEADER_BYTES) {
    throw new ProtocolError(`message of ${message.byteLength} bytes. A header alone has ${HEADER_BYTES}.`);
  }
  const view = new DataView(message);
  if (view.getUint32(0, true) !== MAGIC) {
    throw new ProtocolError("message does not begin with EEG1. Reload the page after an update of eegcore.");
  }
  const kind = view.getUint8(4);
  const nFrames = view.getUint32(8, true);
  const nChannels = view.getUint32(12, true);
  const payloadBytes = view.getUint32(48, true);
  const nBins = view.getUint32(60, true);
  const values = nFrames * nChannels * (kind === Kind.SPECTRUM_F32 ? nBins : 1);
  const planes = kind === Kind.RAW_AND_VOLTAGE ? 2 : 1;

  if (kind < Kind.RAW_I32 || kind > Kind.SPECTRUM_F32) {
    throw new ProtocolError(`packet kind ${kind}. Known are 1 to 4.`);
  }
  if (payloadBytes !== 4 * values * planes || message.byteLength !== HEADER_BYTES + payloadBytes) {
    throw new ProtocolError(
      `payload of ${message.byteLength - HEADER_BYTES} bytes, header says ${payloadBytes}, `
      + `its shape needs ${4 * values * planes}.`);
  }
  const hasCounts = kind === Kind.RAW_I32 || kind === Kind.RAW_AND_VOLTAGE;
  const dataAt = HEADER_BYTES + (kind === Kind.RAW_AND_VOLTAGE ? 4 * values : 0);
  return {
    kind,
    flags: view.getUint8(5),
    topicId: view.getUint16(6, true),
    nFrames,
    nChannels,
    nBins,
    frameIndex: Number(view.getBigUint64(16, true)), // exact to 2^53: 70 000 years at 4 kSPS
    tNs: view.getBigInt64(24, true),
    sps: view.getFloat64(32, true),
    metaRev: view.getUint32(40, true),
    configRev: view.getUint32(44, true),
    stepNum: view.getUint32(52, true) || 1,
    stepDen: view.getUint32(56, true) || 1,
    counts: hasCounts ? new Int32Array(message, HEADER_BYTES, values) : null,
    data: kind === Kind.RAW_I32 ? null : new Float32Array(message, dataAt, values),
  };
}

/**
 * Number of the packet's first frame, counted in frames of its own stream.
 * Consecutive packets are consecutive here, whatever the decimation; a jump is a gap.
 *
 * @param {Packet} packet
 */
export function streamFrame(packet) {
  return Math.ceil((packet.frameIndex * packet.stepDen) / packet.stepNum); // the first at or behind the index
}

/**
 * Samples to draw: uV if the packet has them, else counts times `scaleUv`.
 *
 * @param {Packet} packet         kinds 1 to 3
 * @param {number[]} [scaleUv]    uV per count and channel
 * @returns {Float32Array | Int32Array} [nFrames][nChannels]
 */
export function samplesOf(packet, scaleUv) {
  if (packet.data) return packet.data;
  const counts = /** @type {Int32Array} */ (packet.counts);
  if (!scaleUv || scaleUv.length !== packet.nChannels) return counts;
  const out = new Float32Array(counts.length);
  for (let i = 0; i < out.length; i += 1) out[i] = counts[i] * scaleUv[i % packet.nChannels];
  return out;
}

/**
 * Spectrum of one channel in the newest frame of a spectrum packet.
 *
 * @param {Packet} packet   kind 4
 * @param {number} channel
 * @returns {Float32Array} nBins values
 */
export function spectrumOf(packet, channel) {
  const { nFrames, nBins, nChannels } = packet;
  const data = /** @type {Float32Array} */ (packet.data);
  const out = new Float32Array(nBins);
  const base = (nFrames - 1) * nBins * nChannels + channel;
  for (let bin = 0; bin < nBins; bin += 1) out[bin] = data[base + bin * nChannels];
  return out;
}

/**
 * Kind as a number, however the server wrote it.
 *
 * @param {unknown} kind   2, "VOLTAGE_F32" or "voltage_f32"
 * @returns {number} 0 if unknown
 */
export function kindNumber(kind) {
  if (typeof kind === "number") return kind;
  const name = String(kind ?? "").toUpperCase();
  return /** @type {Record<string, number>} */ (Kind)[name] ?? 0;
}
