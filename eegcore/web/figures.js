// @ts-check
/**
 * Numbers and sentences made of `stats` and `ledger`: pure, so that "lost 0 of N" is tested without a page.
 */

/** Thin spaces between groups of three digits. @param {number} n */
export function grouped(n) {
  return Math.round(n).toString().replace(/\B(?=(\d{3})+$)/g, "\u202f");
}

/** A measured rate, as exact as it is known: "4 000.02 SPS". @param {number} sps */
export function measuredRateText(sps) {
  const [whole, decimals] = sps.toFixed(2).split(".");
  return `${whole.replace(/\B(?=(\d{3})+$)/g, "\u202f")}.${decimals} SPS`;
}

/** Seconds as 0:07, 12:03 or 1:02:03. @param {number} seconds */
export function clockText(seconds) {
  const s = Math.max(0, Math.floor(seconds));
  /** @param {number} n */
  const two = (n) => String(n).padStart(2, "0");
  const minutes = Math.floor(s / 60) % 60;
  return s >= 3600 ? `${Math.floor(s / 3600)}:${two(minutes)}:${two(s % 60)}` : `${minutes}:${two(s % 60)}`;
}

/** Bytes as people say them: "812 kB", "1.4 GB". @param {number} bytes */
export function bytesText(bytes) {
  const units = ["B", "kB", "MB", "GB", "TB"];
  const at = Math.min(units.length - 1, bytes < 1 ? 0 : Math.floor(Math.log10(bytes) / 3));
  const value = bytes / 1000 ** at;
  return `${at > 0 && value < 10 ? value.toFixed(1) : value.toFixed(0)} ${units[at]}`;
}

/** How long the disk will do: "disk for 5 h". @param {number | null} seconds */
export function leftText(seconds) {
  if (seconds === null || !Number.isFinite(seconds)) return "";
  const hours = seconds / 3600;
  if (hours >= 48) return `disk for ${Math.floor(hours / 24)} days`;
  return hours >= 2 ? `disk for ${Math.floor(hours)} h` : `disk for ${Math.max(0, Math.floor(seconds / 60))} min`;
}

/**
 * Sum of a counter that may be a number or a mapping of reasons to numbers.
 * @param {any} counter
 * @returns {number}
 */
export function total(counter) {
  if (typeof counter === "number") return Number.isFinite(counter) ? counter : 0;
  if (!counter || typeof counter !== "object") return 0;
  return Object.values(counter).reduce((/** @type {number} */ sum, value) => sum + total(value), 0);
}

/** "a->b" or "a -> b" as people read it. @param {string} name */
export function edgeText(name) {
  return name.replace(/ ?-> ?/g, " → ");
}

/**
 * @typedef {object} Losses
 * @property {number} frames
 * @property {number} lost
 * @property {{text: string, frames: number}[]} rows   where, only what is not zero or always of interest
 */

/**
 * What was lost, and where.
 *
 * @param {any} stats      the `stats` event
 * @param {number} skipped frames this client was not sent because it was too slow: no loss of the run
 * @returns {Losses}
 */
export function losses(stats, skipped) {
  const sources = Object.values(stats?.sources ?? {});
  /** @param {string} key */
  const sourceSum = (key) => sources.reduce((sum, source) => sum + total(source?.[key]), 0);
  const rows = [
    { text: "missed at the source", frames: sourceSum("missed") },
    { text: "bad status word", frames: sourceSum("bad_status") },
    { text: "read too late", frames: sourceSum("late") },
  ].filter((row, i) => i === 0 || row.frames > 0);
  const dropping = Object.entries(stats?.edges ?? {}).filter(([, edge]) => total(edge?.dropped) > 0);
  if (dropping.length === 0) rows.push({ text: "dropped at edges", frames: 0 });
  for (const [name, edge] of dropping) {
    rows.push({ text: `dropped at ${edgeText(name)}`, frames: total(edge.dropped) });
  }
  for (const [id, sink] of Object.entries(stats?.sinks ?? {})) {
    if (total(sink?.refused) > 0) rows.push({ text: `refused by ${id}`, frames: total(sink.refused) });
  }
  rows.push({ text: "not sent to this page", frames: skipped });
  return { frames: total(stats?.frames), lost: total(stats?.lost), rows };
}

/** What an edge does when its queue is full. @type {Record<string, string>} */
const POLICIES = {
  fail: "if full, its sink ends", drop_oldest: "if full, drops the oldest", block: "if full, the sender waits",
};

/**
 * @param {string} policy           overflow of an edge
 * @param {boolean} [isCritical]    it stops the run; else the sink behind it ends, and the others go on
 */
export function policyText(policy, isCritical = false) {
  return policy === "fail" && isCritical ? "if full, the run fails" : POLICIES[policy] ?? policy.replaceAll("_", " ");
}

/** What a source counts beside frames, and how people say it. @type {[string, string][]} */
const SOURCE_FIGURES = [
  ["missed", "frames missed"], ["late", "frames read too late"], ["restarts", "restarts of the chips"],
  ["spurious", "edges that were no conversion"], ["retries", "reads repeated"], ["io_errors", "failed transfers"],
];

/** The measured rate of the fastest source; 0 if none is known. @param {any} stats   the `stats` event */
export function fastestSps(stats) {
  return Math.max(0, ...Object.values(stats?.sources ?? {}).map((source) => total(source?.rate_sps)));
}

/**
 * The health of the sources: the true rate of each, and what is not zero.
 * @param {any} stats   the `stats` event; null before any
 * @returns {{text: string, value: string, isBad: boolean}[]}
 */
export function sourceRows(stats) {
  const sources = Object.entries(stats?.sources ?? {});
  return sources.flatMap(([id, source]) => {
    const rate = total(source?.rate_sps);
    const counts = SOURCE_FIGURES.filter(([key]) => total(source?.[key]) > 0);
    return [
      { text: id, value: rate > 0 ? measuredRateText(rate) : "rate not known yet", isBad: false },
      ...counts.map(([key, text]) => ({ text: `${id}: ${text}`, value: grouped(total(source[key])), isBad: true })),
    ];
  });
}

/** What comes and goes in any good recording: shown at the trace, and no reason to check a channel. */
export const PASSING = new Set(["blink", "muscle"]);

/** The states that are a reason to check the channel. @param {Set<string> | undefined} what */
export function faults(what) {
  return [...what ?? []].filter((state) => !PASSING.has(state));
}

/**
 * Say which channels are bad; that they are good only as far as somebody would say if they were not.
 *
 * @param {string[]} labels
 * @param {Map<number, Set<string>>} states
 * @param {import("./evidence.js").Evidence} evidence   which flags the stream carries
 * @returns {{text: string, isBad: boolean}} an empty text if nothing is known
 */
export function channelsText(labels, states, evidence) {
  const bad = labels.filter((_, channel) => faults(states.get(channel)).length > 0);
  if (bad.length > 0) {
    const named = bad.length <= 3 ? bad.join(", ") : `${bad.length} of ${labels.length}`;
    return { text: `check ${named}`, isBad: true };
  }
  if (labels.length === 0) return { text: "", isBad: false };
  if (evidence.saturated && evidence.leadOff) return { text: `${labels.length} channels good`, isBad: false };
  if (evidence.saturated) return { text: "none saturated", isBad: false };
  return { text: evidence.leadOff ? "no lead off" : "", isBad: false };
}

/**
 * What the ledger and the health check say, in a sentence.
 *
 * @param {any} ledger   GET /api/ledger; null if there was no answer
 * @param {any} health   GET /health; null if it is not well
 */
export function ledgerText(ledger, health) {
  const words = [];
  if (!ledger) words.push("No ledger yet.");
  else if (ledger.balanced) words.push("The ledger balances.");
  else words.push("The ledger does not balance: this is a fault of eegcore.");
  if (health === null) words.push("The health check failed, see /health.");
  return words.join(" ");
}
