// @ts-check
/**
 * What may not change while something is recorded: every stage whose packets reach a recorder.
 *
 * The server refuses in any case; here it is only said before somebody tries.
 */

/**
 * @param {any} config        merged configuration
 * @param {string[]} holders  stages that hold a lock
 * @returns {Map<string, string[]>} stage -> the holders its packets reach
 */
export function lockedStages(config, holders) {
  /** @type {Record<string, any>} */
  const stages = config?.stages ?? {};
  /** @type {Map<string, string[]>} */
  const locked = new Map();
  for (const holder of holders) {
    const waiting = [holder];
    for (let id = waiting.pop(); id !== undefined; id = waiting.pop()) {
      const known = locked.get(id) ?? [];
      if (known.includes(holder) || !(id in stages)) continue;
      locked.set(id, [...known, holder]);
      for (const input of stages[id].inputs ?? []) waiting.push(String(input).split(".")[0]);
    }
  }
  return locked;
}

/** @param {string[]} holders */
export function lockText(holders) {
  return `Locked while ${holders.join(" and ")} ${holders.length === 1 ? "records" : "record"}. End the recording first.`;
}
