// @ts-check
/**
 * Which topics there are, and which of them are traces or spectra.
 *
 * The server's hello says what runs now, the configuration what will run after the next start, the plan what
 * kind each one is. Pure functions.
 */

import { Kind, kindNumber } from "./protocol.js";
import { KOHM } from "./units.js";

/**
 * `kohm`: impedances of electrodes, a value a second and no traces to look at first. `bars`: few numbers per
 * channel made of a spectrum, powers of bands or lines of the mains; `spectrum`: a whole one. None of them: traces.
 * @typedef {{name: string, spectrum: boolean, kohm: boolean, bars: boolean}} Topic
 */

const BAR_TYPES = ["bands", "mains"];
const BAR_UNITS = ["uV", "1"]; // of a spectrum: amplitudes of lines, shares of bands

/**
 * All topics, in the order of the pipeline.
 *
 * @param {any[]} offered   `topics` of the hello message: names, or objects with `topic` and perhaps `kind`
 * @param {any} config      merged configuration, `stages` an object keyed by id; null if unknown
 * @param {any} plan        the plan; null if unknown
 * @returns {Topic[]}
 */
export function listTopics(offered, config, plan) {
  /** @type {Map<string, Topic>} */
  const topics = new Map();
  const stages = config?.stages ?? {};
  for (const [id, stage] of Object.entries(stages)) {
    if (stage?.type !== "websocket_sink") continue;
    const name = stage.topic ?? id;
    topics.set(name, { name, ...sortOf(id, stage, stages, plan) });
  }
  for (const item of offered ?? []) {
    const name = typeof item === "string" ? item : item?.topic ?? item?.name;
    if (!name) continue;
    const kind = kindNumber(item?.kind);
    const known = topics.get(name);
    const bars = known?.bars ?? isBarsName(name);
    const spectrum = !bars && (kind ? kind === Kind.SPECTRUM_F32 : known?.spectrum ?? /spectr|psd/i.test(name));
    topics.set(name, { name, spectrum, bars, kohm: known?.kohm ?? isKohmName(name) });
  }
  return [...topics.values()];
}

/**
 * @param {string} id      of the sink
 * @param {any} sink       its settings
 * @param {any} stages     all settings by id
 * @param {any} plan
 * @returns {Omit<Topic, "name">}
 */
function sortOf(id, sink, stages, plan) {
  const planned = plan?.stages?.find((/** @type {any} */ s) => s.id === id);
  const input = String([planned?.inputs ?? sink.inputs ?? ""].flat()[0] ?? "");
  const [from, port] = input.split(".");
  const type = stages[from]?.type;
  const made = plan?.stages?.find((/** @type {any} */ s) => s.id === from);
  const outputs = made?.outputs ?? [];
  const output = outputs.find((/** @type {any} */ o) => o.port === port) ?? outputs[0];
  if (output) {
    const isSpectrum = kindNumber(output.kind) === Kind.SPECTRUM_F32;
    const bars = isSpectrum && (BAR_TYPES.includes(made?.type ?? type) || BAR_UNITS.includes(output.unit));
    return { spectrum: isSpectrum && !bars, bars, kohm: output.unit === KOHM };
  }
  const name = sink.topic ?? id;
  const bars = BAR_TYPES.includes(type) || (type === undefined && isBarsName(name));
  return {
    spectrum: !bars && (type === "fft" || /spectr|psd/i.test(name)), bars,
    kohm: type === "impedance" || isKohmName(name),
  };
}

/** A guess, as below. @param {string} name */
function isBarsName(name) {
  return /band_?power|^bands|mains/i.test(name);
}

/** A guess, for as long as neither configuration nor plan has come. @param {string} name */
function isKohmName(name) {
  return /impedance|kohm/i.test(name);
}

/**
 * The topic to show: the first wanted one that exists, else the first of its sort, voltages before impedances.
 *
 * @param {Topic[]} topics
 * @param {boolean} spectrum
 * @param {(string | null)[]} wanted
 * @returns {string | null}
 */
export function chooseTopic(topics, spectrum, ...wanted) {
  const fitting = topics.filter((topic) => topic.spectrum === spectrum && !topic.bars);
  const asked = wanted.map((name) => fitting.find((topic) => topic.name === name)).find(Boolean);
  const chosen = asked ?? fitting.find((topic) => !topic.kohm) ?? fitting[0];
  return chosen?.name ?? null;
}
