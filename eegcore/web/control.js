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
 * @property {(marker: any) => void} onMarker
 * @property {(recording: any) => void} onRecording
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

/**
 * Ask the server to do something over HTTP.
 *
 * @param {string} method @param {string} path @param {any} body   undefined: none
 * @returns {Promise<any>} the answer; rejects with the reason if refused
 */
export async function sendJson(method, path, body) {
  const answer = await fetch(path, {
    method, body: body === undefined ? undefined : JSON.stringify(body),
    headers: body === undefined ? {} : { "Content-Type": "application/json" },
  });
  const said = await answer.json().catch(() => null);
  if (!answer.ok) throw new Error(said?.error?.message ?? `${path}: refused (${answer.status}).`);
  return said;
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
    if (message.event === "marker") {
      this.handlers.onMarker(message);
      return;
    }
    if (message.event === "recording") {
      this.handlers.onRecording(message);
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
