// @ts-check
/**
 * What the flags of a stream can say at all: a channel is called good only where somebody would say if it were bad.
 *
 * Counts at the rails are seen by a source of counts, a board or a recording of raw counts; a recording in uV has
 * no rails unless a saturation stage has been told them. Lead-off is seen by the chip or by the lead_off stage, on channels that have current. Pure.
 */

/** @typedef {{saturated: boolean, leadOff: boolean}} Evidence */

/**
 * @param {import("./feed.js").Meta | null} meta   description of the stream; null before its first packet
 * @param {any} config             merged configuration; null if unknown
 * @param {Set<string>} measured   labels of electrodes whose impedance is known
 * @returns {Evidence} what is watched on all of the channels
 */
export function evidenceOf(meta, config, measured) {
  if (!meta || meta.labels.length === 0) return { saturated: false, leadOff: false };
  const { topic, labels } = meta;
  const stages = config?.stages ?? {};
  const sinks = Object.entries(stages).filter(([id, stage]) => (
    stage?.type === "websocket_sink" && (stage.topic ?? id) === topic));
  const above = sinks.length === 1 ? ancestors(sinks[0][0], stages) : [];
  const sources = above.filter((stage) => inputsOf(stage).length === 0);
  const isBoard = sources.length > 0 && sources.every((stage) => stage.type === "acquire");
  const isCounts = sources.length > 0 && sources.every((stage) => (
    stage.type === "acquire" || (stage.type === "playback" && stage.raw === true)));
  const watches = above.some((stage) => stage.type === "saturation");
  const listens = isBoard || above.some((stage) => stage.type === "lead_off");
  const withCurrent = meta.lead_off?.labels ?? [];
  const leadOff = labels.every((label) => measured.has(label) || (listens && withCurrent.includes(label)));
  return { saturated: isCounts || watches, leadOff };
}

/**
 * The states of channels by their flags, with what the impedances add.
 *
 * @param {string[]} labels
 * @param {Map<number, Set<string>>} states   by flags
 * @param {Map<string, string>} bad           label -> what is wrong with the electrode
 */
export function withElectrodes(labels, states, bad) {
  const all = new Map(states);
  for (const [label, what] of bad) {
    const channel = labels.indexOf(label);
    if (channel >= 0) all.set(channel, new Set([...all.get(channel) ?? [], what]));
  }
  return all;
}

/** True if everything that the pipeline reads is a recording that ends. @param {any} config */
export function isRecording(config) {
  const sources = Object.values(config?.stages ?? {}).filter((stage) => (
    inputsOf(stage).length === 0 && stage?.type !== "history_sink")); // which reads all there are
  return sources.length > 0 && sources.every((source) => source.type === "playback" && !source.loop);
}

/** @param {any} stage @returns {string[]} ids of the stages it reads */
function inputsOf(stage) {
  return [stage?.inputs ?? []].flat().map((input) => String(input).split(".")[0]);
}

/** All stages above one. @param {string} id @param {any} stages @returns {any[]} */
function ancestors(id, stages) {
  const seen = new Set([id]);
  for (const at of seen) { // grows while it is walked
    for (const input of inputsOf(stages[at])) if (stages[input]) seen.add(input);
  }
  seen.delete(id);
  return [...seen].map((at) => stages[at]);
}
