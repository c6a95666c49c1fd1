// @ts-check
/**
 * Numbers and sentences made of `stats` and `ledger`: pure, so that "lost 0 of N" is tested without a page.
 */

/** Thin spaces between groups of three digits. @param {number} n */
export function grouped(n) {
  return Math.round(n).toString().replace(/\B(?=(\d{3})+$)/g, "\u202f");
}

/** Seconds as 0:07, 12:03 or 1:02:03. @param {number} seconds */
export function clockText(seconds) {
  const s = Math.max(0, Math.floor(seconds));
  /** @param {number} n */
  const two = (n) => String(n).padStart(2, "0");
  const minutes = Math.floor(s / 60) % 60;
  return s >= 3600 ? `${Math.floor(s / 3600)}:${two(minutes)}:${two(s % 60)}` : `${minutes}:${two(s % 60)}`;
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

/**
 * Say which channels are bad.
 *
 * @param {string[]} labels
 * @param {Map<number, Set<string>>} states
 * @returns {{text: string, isBad: boolean}}
 */
export function channelsText(labels, states) {
  const bad = labels.filter((_, channel) => (states.get(channel)?.size ?? 0) > 0);
  if (labels.length === 0) return { text: "no channels", isBad: false };
  if (bad.length === 0) return { text: `${labels.length} channels good`, isBad: false };
  const named = bad.length <= 3 ? bad.join(", ") : `${bad.length} of ${labels.length}`;
  return { text: `check ${named}`, isBad: true };
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
