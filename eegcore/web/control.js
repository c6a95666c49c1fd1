// @ts-check
/**
 * What /ws/control says, turned into calls: configuration, state, stats, alarms; and the commands.
 */

import { Commands, Connection } from "./connection.js";

/**
 * @typedef {object} ControlHandlers
 * @property {(status: any) => void} onState   `state`, `since_unix_ns`, `last_error`, `run_id`...
 * @property {(config: any, configRev: number | null) => void} onConfig
 * @property {(stats: any) => void} onStats
 * @property {(alarm: any) => void} onAlarm
 */

/** @param {string} path @returns {Promise<any>} null if there is no good answer */
export async function fetchJson(path) {
  try {
    const answer = await fetch(path);
    return answer.ok ? await answer.json() : null;
  } catch {
    return null;
  }
}

export class Control {
  /** @param {ControlHandlers} handlers */
  constructor(handlers) {
    this.handlers = handlers;
    this.connection = new Connection("/ws/control", {
      onText: (message) => this.take(message),
      onStatus: (status) => { if (status === "waiting") this.commands.abandon(); },
    });
    this.commands = new Commands(this.connection);
  }

  /** Begin to connect. */
  open() {
    this.connection.open();
  }

  /**
   * @param {string} cmd   Start, Shutdown, Pause, Resume, UpdateParam
   * @param {object} [fields]   what the command needs besides
   * @returns {Promise<any>} rejects with the reason if refused
   */
  request(cmd, fields) {
    return this.commands.request(cmd, fields);
  }

  /**
   * One message; the first one after connecting carries configuration and state together.
   * @param {any} message
   */
  take(message) {
    if (!message || typeof message !== "object" || this.commands.take(message)) return;
    if (message.event === "stats") {
      this.handlers.onStats(message);
      return;
    }
    if (message.event === "alarm") {
      this.handlers.onAlarm(message);
      return;
    }
    const status = typeof message.state === "object" ? message.state : message;
    const config = message.config ?? (message.stages ? message : null);
    const configRev = message.config_rev ?? status?.config_rev ?? null;
    if (config) this.handlers.onConfig(config, configRev);
    if (typeof status?.state === "string") this.handlers.onState({ config_rev: configRev, ...status });
    if (message.stats) this.handlers.onStats(message.stats);
  }
}
