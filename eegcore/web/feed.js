// @ts-check
/**
 * What /ws/data says, turned into calls: topics, streams, packets, gaps, channel states.
 *
 * Owns the subscriptions: after a reconnection it subscribes again by itself.
 */

import { Connection } from "./connection.js";
import { decodePacket, kindNumber, ProtocolError } from "./protocol.js";

/** @typedef {import("./protocol.js").Packet} Packet */

/**
 * Description of a topic, as its `meta` message gave it.
 * @typedef {object} Meta
 * @property {string} topic
 * @property {number} topic_id
 * @property {number} kind       number, see protocol.Kind
 * @property {string[]} labels
 * @property {string} unit
 * @property {number} sps
 * @property {string} [run_id]
 * @property {[number, number]} [step]   device frames per frame of this stream, as a fraction
 * @property {number[]} [axis_hz]
 * @property {any} [bands]      of bands: {name: [low_hz, high_hz]}
 * @property {any} [mains_level] of lines of the mains
 * @property {number[]} [scale_uv]
 * @property {{labels: string[]}} [lead_off]   the current for lead-off and impedance, and who has it
 */

/**
 * @typedef {object} FeedHandlers
 * @property {(topics: any[]) => void} onTopics
 * @property {(meta: Meta) => void} onMeta
 * @property {(meta: Meta, packet: Packet, reason: string) => void} onPacket   why frames may lack before it
 * @property {(meta: Meta, frames: number, reason: string) => void} onSkipped  this client was too slow
 * @property {(meta: Meta, message: any) => void} onFlags
 * @property {(text: string) => void} onProblem
 * @property {(status: "connecting"|"open"|"waiting", retryMs: number) => void} onStatus
 * @property {() => void} onRefused
 */

export class Feed {
  /** @param {FeedHandlers} handlers */
  constructor(handlers) {
    this.handlers = handlers;
    /** @type {Set<string>} */
    this.wanted = new Set();
    /** @type {Set<string>} */
    this.subscribed = new Set();
    /** @type {Map<number, Meta>} */
    this.metas = new Map();
    /** Why the next jump of a topic happened, if it is known. @type {Map<number, string>} */
    this.reasons = new Map();
    this.brokenOff = false;
    this.connection = new Connection("/ws/data", {
      onText: (message) => this.#text(message),
      onBinary: (message) => this.#binary(message),
      onStatus: (status, retryMs) => this.#status(status, retryMs),
      onRefused: () => handlers.onRefused(),
    });
  }

  /** Begin to connect. */
  open() {
    this.connection.open();
  }

  /**
   * Be subscribed to exactly these topics.
   * @param {(string | null)[]} topics
   */
  want(topics) {
    this.wanted = new Set(topics.filter((topic) => topic !== null));
    for (const topic of [...this.subscribed]) {
      if (this.wanted.has(topic)) continue;
      this.connection.send({ type: "unsubscribe", topic });
      this.subscribed.delete(topic);
    }
    this.ask();
  }

  /** @param {string | null} topic @returns {Meta | undefined} its description, if it is subscribed and came */
  metaOf(topic) {
    return [...this.metas.values()].findLast((meta) => meta.topic === topic && this.subscribed.has(meta.topic));
  }

  /** Subscribe to what is wanted and was not granted yet, for instance after the pipeline started. */
  ask() {
    for (const topic of this.wanted) {
      if (this.subscribed.has(topic)) continue;
      if (this.connection.send({ type: "subscribe", topic, format: "binary" })) this.subscribed.add(topic);
    }
  }

  /** @param {"connecting"|"open"|"waiting"} status @param {number} retryMs */
  #status(status, retryMs) {
    if (status === "waiting") {
      this.brokenOff = this.brokenOff || this.metas.size > 0;
      this.subscribed.clear();
      this.metas.clear();
      this.reasons.clear();
    }
    this.handlers.onStatus(status, retryMs);
  }

  /** @param {any} message */
  #text(message) {
    switch (message.type) {
      case "hello":
      case "topics":
        this.handlers.onTopics(message.topics ?? []);
        this.ask();
        break;
      case "meta": {
        if (!this.wanted.has(message.topic)) break; // crossed with our unsubscribe
        const meta = { ...message, kind: kindNumber(message.kind) };
        this.metas.set(meta.topic_id, meta);
        if (this.brokenOff) this.reasons.set(meta.topic_id, "connection");
        this.handlers.onMeta(meta);
        break;
      }
      case "gap": {
        const meta = this.metas.get(message.topic_id);
        this.reasons.set(message.topic_id, message.reason ?? "client_slow");
        if (meta) this.handlers.onSkipped(meta, message.frames ?? 0, message.reason ?? "client_slow");
        break;
      }
      case "flags": {
        const meta = this.metas.get(message.topic_id);
        if (meta) this.handlers.onFlags(meta, message);
        break;
      }
      case "error":
        this.#refusedTopic(message);
        break;
      default: // a newer server may say more
    }
  }

  /** @param {any} message */
  #refusedTopic(message) {
    if (message.error?.code === "unknown_topic") return; // its pipeline is stopped: the subscription waits
    const known = new Set([...this.metas.values()].map((meta) => meta.topic));
    const named = message.topic ?? message.error?.details?.topic;
    for (const topic of [...this.subscribed]) {
      if (named ? topic === named : !known.has(topic)) this.subscribed.delete(topic);
    }
    this.handlers.onProblem(message.error?.message ?? "/ws/data: refused without a reason.");
  }

  /** @param {ArrayBuffer} message */
  #binary(message) {
    let packet;
    try {
      packet = decodePacket(message);
    } catch (error) {
      if (!(error instanceof ProtocolError)) throw error;
      this.handlers.onProblem(error.message);
      return;
    }
    const meta = this.metas.get(packet.topicId);
    if (!meta) return; // the last packets of a topic that was just left
    const reason = this.reasons.get(packet.topicId) ?? "missed";
    this.reasons.delete(packet.topicId);
    this.handlers.onPacket(meta, packet, reason);
  }
}
