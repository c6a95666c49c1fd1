// @ts-check
/**
 * One WebSocket that comes back: 0.5 s after it broke, then twice as long each time, up to 10 s.
 *
 * What is sent while the socket is down is not kept: a command from ten seconds ago must not be carried out.
 */

const FIRST_WAIT_MS = 500;
const LONGEST_WAIT_MS = 10_000;

/**
 * @typedef {object} Handlers
 * @property {() => void} [onOpen]
 * @property {(message: any) => void} [onText]          parsed JSON
 * @property {(message: ArrayBuffer) => void} [onBinary]
 * @property {(status: "connecting"|"open"|"waiting", retryMs: number) => void} [onStatus]
 * @property {() => void} [onRefused]   closed before it ever opened: perhaps a login is missing
 */

/**
 * Wait before attempt number `failures`, in milliseconds.
 * @param {number} failures   attempts that failed since the last good connection, from 1
 */
export function waitMs(failures) {
  return Math.min(LONGEST_WAIT_MS, FIRST_WAIT_MS * 2 ** Math.min(failures - 1, 10));
}

export class Connection {
  /**
   * @param {string} path       "/ws/data" or "/ws/control"
   * @param {Handlers} handlers
   */
  constructor(path, handlers) {
    this.path = path;
    this.handlers = handlers;
    this.failures = 0;
    /** @type {WebSocket | null} */
    this.socket = null;
    /** @type {"connecting"|"open"|"waiting"} */
    this.status = "waiting";
    /** @type {number | undefined} */
    this.timer = undefined;
  }

  /** Connect now, whatever the waiting time. */
  open() {
    clearTimeout(this.timer);
    if (this.socket) return;
    const url = new URL(this.path, window.location.href);
    url.protocol = url.protocol === "https:" ? "wss:" : "ws:";
    const socket = new WebSocket(url);
    socket.binaryType = "arraybuffer";
    let opened = false;

    socket.onopen = () => {
      opened = true;
      this.#report("open", 0);
      this.handlers.onOpen?.();
    };
    socket.onmessage = (event) => {
      this.failures = 0; // only a server that talks ends the backing off
      if (typeof event.data === "string") this.#text(event.data);
      else this.handlers.onBinary?.(event.data);
    };
    socket.onclose = () => {
      this.socket = null;
      this.failures += 1;
      const wait = waitMs(this.failures);
      this.#report("waiting", wait);
      if (!opened) this.handlers.onRefused?.();
      this.timer = window.setTimeout(() => this.open(), wait);
    };
    this.socket = socket;
    this.#report("connecting", 0);
  }

  /**
   * @param {object} message
   * @returns {boolean} false if there is no connection; the message is dropped
   */
  send(message) {
    if (this.socket?.readyState !== WebSocket.OPEN) return false;
    this.socket.send(JSON.stringify(message));
    return true;
  }

  /** @param {string} text */
  #text(text) {
    let message;
    try {
      message = JSON.parse(text);
    } catch {
      console.warn(`${this.path}: a text message is not JSON. It was ignored.`);
      return;
    }
    this.handlers.onText?.(message);
  }

  /** @param {"connecting"|"open"|"waiting"} status @param {number} retryMs */
  #report(status, retryMs) {
    this.status = status;
    this.handlers.onStatus?.(status, retryMs);
  }
}

/** Requests on /ws/control and their answers, matched by id. */
export class Commands {
  /** @param {Connection} connection */
  constructor(connection) {
    this.connection = connection;
    this.lastId = 0;
    /** @type {Map<number, (answer: any) => void>} */
    this.waiting = new Map();
  }

  /**
   * Send one command and wait for its answer.
   *
   * @param {string} cmd          Start, Shutdown, Pause, Resume...
   * @param {object} [fields]     what the command needs besides
   * @returns {Promise<any>}      the answer, `ok` true
   * @throws {Error} with the server's message and `details`, or if there is no connection
   */
  async request(cmd, fields = {}) {
    const id = this.lastId += 1;
    if (!this.connection.send({ id, cmd, ...fields })) {
      throw new Error(`${cmd}: not connected to eegcore. Wait for the connection and try again.`);
    }
    const answer = await new Promise((resolve) => this.waiting.set(id, resolve));
    if (!answer.ok) {
      const refusal = new Error(`${cmd}: ${answer.error?.message ?? "refused without a reason."}`);
      throw Object.assign(refusal, { details: answer.error?.details });
    }
    return answer;
  }

  /**
   * @param {any} message
   * @returns {boolean} true if it was the answer to a request
   */
  take(message) {
    const resolve = this.waiting.get(message.id);
    if (!resolve || typeof message.ok !== "boolean") return false;
    this.waiting.delete(message.id);
    resolve(message);
    return true;
  }

  /** The connection is gone: no answer will come. */
  abandon() {
    for (const resolve of this.waiting.values()) {
      resolve({ ok: false, error: { message: "the connection closed before the answer came." } });
    }
    this.waiting.clear();
  }
}
