// @ts-check
/**
 * The recordings there are: download, delete what is finished. Seen by operators only.
 */

import { fetchJson, sendJson } from "./control.js";
import { bytesText, clockText } from "./figures.js";
import { element } from "./panels.js";

const MOST_SHOWN = 100;
const SURE_MS = 4000;

/**
 * @typedef {object} Session
 * @property {string} id @property {"recording" | "finished" | "broken"} state
 * @property {string} [participant] @property {string} [task]
 * @property {number} [created_unix_ns] @property {number} [seconds] @property {number} bytes
 */

export class SessionsList {
  /** @param {HTMLDetailsElement} host   its list is fetched when it is opened */
  constructor(host) {
    this.host = host;
    this.list = /** @type {HTMLElement} */ (host.querySelector("ul"));
    this.title = /** @type {HTMLElement} */ (host.querySelector("summary"));
    host.addEventListener("toggle", () => { if (host.open) this.refresh(); });
  }

  /** Ask the server, if anybody looks. */
  async refresh() {
    if (!this.host.open) return;
    const found = await fetchJson("/api/recordings");
    this.show(found?.recordings ?? null);
  }

  /** @param {Session[] | null} sessions   null: they may not be seen */
  show(sessions) {
    if (sessions === null) {
      this.list.replaceChildren(element("li", "empty", "Only an operator sees the recordings."));
      return;
    }
    this.title.textContent = `Recordings (${sessions.length})`;
    const rows = sessions.slice(0, MOST_SHOWN).map((session) => this.#row(session));
    this.list.replaceChildren(...rows.length > 0 ? rows : [element("li", "empty", "None yet.")]);
  }

  /** @param {Session} session */
  #row(session) {
    const row = element("li", `session is-${session.state}`);
    const when = session.created_unix_ns ? new Date(session.created_unix_ns / 1e6).toLocaleString("en-GB", {
      day: "2-digit", month: "short", hour: "2-digit", minute: "2-digit" }) : "";
    const name = element("div", "session-name", [session.participant, session.task].filter(Boolean).join(", ")
      || session.id);
    name.title = session.id;
    const length = session.seconds === undefined ? "" : clockText(session.seconds);
    const word = session.state === "finished" ? "" : session.state === "broken" ? "not finished" : "being recorded";
    const about = element("div", "fine figure", [when, length, bytesText(session.bytes), word].filter(Boolean)
      .join(" · "));
    const words = element("div", "session-words");
    words.append(name, about);
    const get = /** @type {HTMLAnchorElement} */ (element("a", "session-get", "Download"));
    get.href = `/api/recordings/${encodeURIComponent(session.id)}.zip`;
    get.download = `${session.id}.zip`;
    row.append(words, get);
    if (session.state === "finished") row.append(this.#deleter(session));
    return row;
  }

  /** @param {Session} session */
  #deleter(session) {
    const button = /** @type {HTMLButtonElement} */ (element("button", "quiet session-delete", "Delete"));
    button.type = "button";
    let sureUntil = 0;
    button.addEventListener("click", async () => {
      if (performance.now() > sureUntil) {
        sureUntil = performance.now() + SURE_MS;
        button.textContent = "Really delete";
        button.title = "Its files in the BIDS dataset are deleted too.";
        window.setTimeout(() => { button.textContent = "Delete"; }, SURE_MS);
        return;
      }
      button.disabled = true;
      try {
        await sendJson("DELETE", `/api/recordings/${encodeURIComponent(session.id)}`, undefined);
      } catch (error) {
        button.title = button.textContent = error instanceof Error ? error.message : String(error);
        return;
      }
      this.refresh();
    });
    return button;
  }
}
