// @ts-check
/**
 * The live page: puts the parts together. Data come in through `feed`, everything else through `control`.
 */

import { Control } from "./control.js";
import { Feed } from "./feed.js";
import { ledgerText, total } from "./figures.js";
import { Header } from "./header.js";
import { LiveStream } from "./live.js";
import { Login, needsLogin } from "./login.js";
import { readPalette } from "./palette.js";
import { AlarmsPanel, EdgesPanel } from "./panels.js";
import { Kind, spectrumOf } from "./protocol.js";
import { Scope } from "./scope.js";
import {
  fittingScale, keepSettings, loadSettings, SCALES_COUNTS, SCALES_UV, stepped, THEMES, TIME_BASES_S,
} from "./settings.js";
import { SpectrumView } from "./spectrum.js";
import { Toolbar } from "./toolbar.js";
import { chooseTopic, listTopics } from "./topics.js";

/** @typedef {import("./feed.js").Meta} Meta */
/** @typedef {import("./protocol.js").Packet} Packet */

const KEPT_S = TIME_BASES_S[TIME_BASES_S.length - 1] + 1;

/** @param {string} id */
const byId = (id) => /** @type {HTMLElement} */ (document.getElementById(id));

class App {
  constructor() {
    this.settings = loadSettings();
    /** What the server has: topics of its hello, configuration, plan. */
    /** @type {{offered: any[], config: any, plan: any}} */
    this.known = { offered: [], config: null, plan: null };
    this.live = new LiveStream(KEPT_S);
    /** @type {any} */
    this.stats = null;
    this.fps = 0;

    this.scope = new Scope(byId("scope"), (channel) => this.choose(channel));
    this.spectrum = new SpectrumView(/** @type {HTMLCanvasElement} */ (byId("spectrum")), byId("peak"));
    this.header = new Header((command) => this.command(command), () => this.fetchLedger());
    this.edges = new EdgesPanel(byId("edges"));
    /** @type {NodeListOf<HTMLElement>} */
    const counters = document.querySelectorAll(".alarm-count");
    this.alarms = new AlarmsPanel(byId("alarms"), [...counters]);
    this.toolbar = new Toolbar({
      scale: (by) => this.setScale(stepped(this.scales, this.scale, by)),
      fit: () => {
        const fitting = fittingScale(this.scales, this.live.history.peakToPeak(3 * this.scope.sps));
        if (fitting !== null) this.setScale(fitting);
      },
      timeBase: (by) => this.keep({ timeBaseS: stepped(TIME_BASES_S, this.settings.timeBaseS, by) }),
      freeze: () => this.freeze(!this.scope.frozen),
      channel: (by) => this.choose(this.scope.chosen + by),
      choose: (channel) => this.choose(channel),
      theme: () => this.keep({ theme: THEMES[(THEMES.indexOf(this.settings.theme) + 1) % THEMES.length] }),
      side: () => this.keep({ side: !this.settings.side }),
      tab: (tab) => this.keep({ tab }),
      topic: (topic) => { this.keep({ topic }); this.subscribe(); },
      clearAlarms: () => this.alarms.clear(),
    });
    this.login = new Login(() => this.open());
    this.control = new Control({
      onState: (status) => this.onState(status),
      onConfig: (config, configRev) => this.onConfig(config, configRev),
      onStats: (stats) => this.onStats(stats),
      onAlarm: (alarm) => this.onAlarm(alarm),
    });
    this.feed = new Feed({
      onTopics: (topics) => { this.known.offered = topics; this.subscribe(); },
      onMeta: (meta) => this.onMeta(meta),
      onPacket: (meta, packet, reason) => this.onPacket(meta, packet, reason),
      onSkipped: (meta, frames) => this.onSkipped(meta, frames),
      onFlags: (meta, message) => this.onFlags(meta, message),
      onProblem: (text) => this.onAlarm({ level: "warning", place: "this page", message: text }),
      onStatus: (status, retryMs) => {
        this.header.showConnection(status, retryMs);
        this.showTime();
      },
      onRefused: async () => { if (await needsLogin()) this.login.ask(); },
    });
    this.keep({});
    this.showLosses();
    this.edges.show({});
  }

  /** Connect, and draw from now on. */
  open() {
    this.control.open();
    this.feed.open();
  }

  get unit() { return this.live.unit; }
  get scales() { return this.unit === "counts" ? SCALES_COUNTS : SCALES_UV; }
  get scale() { return this.unit === "counts" ? this.settings.scaleCounts : this.settings.scaleUv; }

  /** @param {number} scale */
  setScale(scale) {
    this.keep(this.unit === "counts" ? { scaleCounts: scale } : { scaleUv: scale });
  }

  /** Change settings, keep them, show them. @param {Partial<import("./settings.js").Settings>} changes */
  keep(changes) {
    Object.assign(this.settings, changes);
    keepSettings(this.settings);
    const { settings, toolbar } = this;
    document.documentElement.dataset.theme = settings.theme;
    const palette = readPalette();
    this.scope.set({ perDivision: this.scale, timeBaseS: settings.timeBaseS, palette });
    Object.assign(this.spectrum, { palette, stale: true });
    toolbar.showScale(this.scale, this.unit, this.scales);
    toolbar.showTimeBase(settings.timeBaseS, TIME_BASES_S);
    toolbar.showSide(settings.side);
    toolbar.showTab(settings.tab);
  }

  /** @param {number} channel */
  choose(channel) {
    channel = Math.max(0, Math.min(this.scope.labels.length - 1, channel));
    this.keep({ channel });
    this.scope.set({ chosen: channel });
    this.spectrum.channel = channel;
    this.spectrum.restart();
    this.toolbar.showChannels(this.scope.labels, channel);
  }

  /** @param {boolean} frozen */
  freeze(frozen) {
    this.scope.freeze(frozen);
    this.toolbar.showFrozen(this.scope.frozen !== null);
  }

  /** Subscribe to one topic of traces and one of spectra. */
  subscribe() {
    const topics = listTopics(this.known.offered, this.known.config, this.known.plan);
    const traces = chooseTopic(topics, false, this.settings.topic);
    this.feed.want([traces, chooseTopic(topics, true, this.settings.spectrumTopic)]);
    this.toolbar.showTopics(topics.filter((topic) => !topic.spectrum).map((topic) => topic.name), traces);
    byId("no-spectrum").hidden = topics.some((topic) => topic.spectrum);
  }

  /** @param {string} command */
  async command(command) {
    try {
      await this.control.request(command);
    } catch (error) {
      const message = error instanceof Error ? error.message : String(error);
      this.onAlarm({ level: "warning", place: "command", message });
    }
  }

  /** @param {any} status */
  onState(status) {
    this.header.showState(status.state, status.last_error ?? null);
    if (status.config_rev !== null) this.header.showConfig(this.known.config, status.config_rev);
    this.header.showChannels(this.scope.labels, this.live.states);
    this.showTime();
    if (status.state === "running") this.feed.ask();
  }

  /** @param {any} config @param {number | null} configRev */
  async onConfig(config, configRev) {
    if (this.known.config) this.known.offered = []; // a live change: what hello said may be gone
    this.known.config = config;
    this.header.showConfig(config, configRev);
    this.subscribe();
    this.known.plan = await fetchJson("/api/plan");
    this.subscribe();
  }

  /** @param {any} stats */
  onStats(stats) {
    this.stats = stats;
    this.showLosses();
    this.edges.show(stats.edges ?? {});
    const sources = Object.values(stats.sources ?? {});
    const fastest = sources.reduce((/** @type {number} */ most, s) => Math.max(most, total(s?.rate_sps)), 0);
    if (fastest > 0) this.header.showRate(fastest);
  }

  /** @param {any} alarm */
  onAlarm(alarm) {
    this.alarms.add({
      level: alarm.level === "error" ? "error" : "warning",
      place: alarm.place ?? "",
      message: alarm.message ?? "",
      unixMs: alarm.t_unix_ns ? alarm.t_unix_ns / 1e6 : Date.now(),
      frameIndex: alarm.frame_index ?? undefined,
    });
  }

  /** @param {Meta} meta */
  onMeta(meta) {
    if (meta.kind === Kind.SPECTRUM_F32) {
      this.spectrum.describe(meta);
      return;
    }
    if (this.live.describe(meta)) {
      this.freeze(false);
      this.scope.show(this.live.history, meta.labels, meta.sps, this.live.unit);
      this.choose(this.settings.channel);
      this.header.showRate(meta.sps);
      this.showLosses();
    }
    this.header.showChannels(meta.labels, this.live.states);
  }

  /** @param {Meta} meta @param {Packet} packet @param {string} reason */
  onPacket(meta, packet, reason) {
    if (packet.kind !== Kind.SPECTRUM_F32) {
      if (meta.topic === this.live.meta?.topic && this.live.add(meta, packet, reason)) this.showLosses();
    } else if (packet.nFrames > 0 && this.spectrum.channel < packet.nChannels) {
      this.spectrum.add(spectrumOf(packet, this.spectrum.channel));
    }
  }

  /** @param {Meta} meta @param {number} frames */
  onSkipped(meta, frames) {
    if (meta.topic !== this.live.meta?.topic) return; // of spectra the same frames are skipped
    this.live.skipped += frames;
    this.showLosses();
  }

  /** @param {Meta} meta @param {any} message */
  onFlags(meta, message) {
    if (meta.topic !== this.live.meta?.topic) return;
    this.live.flag(meta, message);
    this.header.showChannels(meta.labels, this.live.states);
  }

  /** "lost 0 of N", and where. */
  showLosses() {
    this.header.showLosses(this.stats, this.live.skipped, this.live.gapsText);
  }

  /** The exact account of the run, fetched when somebody asks for it. */
  async fetchLedger() {
    const [ledger, health] = await Promise.all([fetchJson("/api/ledger"), fetchJson("/health")]);
    this.header.showLedger(ledgerText(ledger, health));
  }

  /** What changes with time alone, four times a second. */
  showTime() {
    const isOn = this.header.state === "running" || this.header.state === "paused";
    this.header.showLive(this.live.silentS, isOn ? this.live.runS : null);
    this.scope.showStates(this.live.states);
  }

  /** Draw with every frame of the screen, and count them. */
  animate() {
    let since = performance.now();
    let n = 0;
    const step = (/** @type {number} */ now) => {
      this.scope.draw();
      this.spectrum.draw();
      n += 1;
      if (now - since >= 1000) {
        this.fps = (1000 * n) / (now - since);
        since = now;
        n = 0;
      }
      window.requestAnimationFrame(step);
    };
    window.requestAnimationFrame(step);
    window.setInterval(() => this.showTime(), 250);
  }
}

/** @param {string} path @returns {Promise<any>} null if there is no good answer */
async function fetchJson(path) {
  try {
    const answer = await fetch(path);
    return answer.ok ? await answer.json() : null;
  } catch {
    return null;
  }
}

const app = new App();
const { counters } = app.live;
// Read-only, for tests and for a curious console.
Object.defineProperty(window, "eegcore", {
  value: Object.freeze({
    get frames() { return counters.frames; },
    get gaps() { return counters.gaps; },
    get gapFrames() { return counters.gapFrames; },
    get fps() { return app.fps; },
  }),
});
app.open();
app.animate();
