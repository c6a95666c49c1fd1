// @ts-check
/**
 * The live page: puts the parts together. Data come in through `feed`, everything else through `control`.
 */

import { BandsView, isBars } from "./bands.js";
import { Control, fetchJson } from "./control.js";
import { ElectrodesPanel } from "./electrodes.js";
import { evidenceOf, isRecording, withElectrodes } from "./evidence.js";
import { Feed } from "./feed.js";
import { fastestSps, ledgerText } from "./figures.js";
import { FirstFit, FIT_S } from "./first_fit.js";
import { Header } from "./header.js";
import { LiveStream } from "./live.js";
import { lockedStages } from "./locks.js";
import { Login, needsLogin } from "./login.js";
import { MarkerPanel } from "./marker_panel.js";
import { MarkerLayer, Markers } from "./markers.js";
import { readPalette } from "./palette.js";
import { alarmFrom, AlarmsPanel, EdgesPanel } from "./panels.js";
import { Kind, spectrumOf } from "./protocol.js";
import { RecordingPanel } from "./recording.js";
import { Scope } from "./scope.js";
import { everyFrame } from "./screen.js";
import {
  fittingScale, isChosen, keepSettings, loadSettings, scaleOf, stepped, THEMES, TIME_BASES_S, withScale,
} from "./settings.js";
import { SessionsList } from "./sessions.js";
import { SpectrumView } from "./spectrum.js";
import { StageAdding } from "./stage_adding.js";
import { StagesPanel } from "./stages.js";
import { Toolbar } from "./toolbar.js";
import { chooseTopic, listTopics } from "./topics.js";
import { KOHM, scalesOf } from "./units.js";

/** @typedef {import("./feed.js").Meta} Meta */
/** @typedef {import("./protocol.js").Packet} Packet */

const KEPT_S = TIME_BASES_S[TIME_BASES_S.length - 1] + 1;

/** @param {string} id */
const byId = (id) => /** @type {HTMLElement} */ (document.getElementById(id));

class App {
  constructor() {
    this.settings = loadSettings();
    /** What the server has: topics of its hello, configuration, plan, stage types. */
    /** @type {{offered: any[], config: any, plan: any, catalogue: any[] | null}} */
    this.known = { offered: [], config: null, plan: null, catalogue: null };
    this.live = new LiveStream(KEPT_S);
    /** @type {any} */
    this.stats = null;
    this.fps = 0;
    /** Topic of the traces. @type {string | null} */
    this.traces = null;
    /** Topics that are looked at since all is known; what is added later takes no picture away. */
    /** @type {{traces: string | null, curve: string | null}} */
    this.looked = { traces: null, curve: null };
    this.hasEnded = false; // a recording was played to its end
    this.firstFit = new FirstFit();

    this.scope = new Scope(byId("scope"), (channel) => this.choose(channel));
    this.spectrum = new SpectrumView(/** @type {HTMLCanvasElement} */ (byId("spectrum")), byId("peak"),
      byId("spectrum-unit"));
    this.bands = new BandsView(byId("bands"));
    /** Topic of the spectrum. @type {string | null} */
    this.curve = null;
    this.header = new Header((command) => this.command(command), () => this.fetchLedger());
    this.edges = new EdgesPanel(byId("edges"));
    this.stages = new StagesPanel(byId("panel-stages"), byId("tab-stages"), {
      change: (id, key, value) => this.control.request("UpdateParam", { stage_id: id, key, value }),
      add: (id) => this.adding.open(id, this.known, this.stages.locked),
      remove: (id) => this.control.request("RemoveStage", { stage_id: id }),
      undo: (rev) => this.control.request("Undo", { if_rev: rev }),
    });
    this.adding = new StageAdding((id, wish) => this.control.request("AddStage", { stage_id: id, ...wish }),
      (id, answer) => this.stages.added(id, answer.config_rev));
    this.electrodes = new ElectrodesPanel(byId("panel-electrodes"), byId("tab-electrodes"));
    this.sessions = new SessionsList(/** @type {HTMLDetailsElement} */ (byId("sessions")));
    this.recording = new RecordingPanel(() => this.sessions.refresh(), () => this.sessions.refresh());
    this.markers = new Markers();
    this.markerLayer = new MarkerLayer(byId("marker-lines"));
    this.markerPanel = new MarkerPanel(byId("markers"), (message) => (
      this.onAlarm({ level: "warning", place: "marker", message })));
    /** @type {NodeListOf<HTMLElement>} */
    const counters = document.querySelectorAll(".alarm-count");
    this.alarms = new AlarmsPanel(byId("alarms"), [...counters]);
    this.toolbar = new Toolbar({
      scale: (by) => this.setScale(stepped(scalesOf(this.unit), this.scale, by)),
      fit: () => this.fit(3, true),
      timeBase: (by) => this.keep({ timeBaseS: stepped(TIME_BASES_S, this.settings.timeBaseS, by) }),
      freeze: () => this.freeze(!this.scope.frozen),
      channel: (by) => this.choose(this.scope.chosen + by),
      choose: (channel) => this.choose(channel),
      theme: () => this.keep({ theme: THEMES[(THEMES.indexOf(this.settings.theme) + 1) % THEMES.length] }),
      side: () => this.keep({ side: !this.settings.side }),
      tab: (tab) => { this.keep({ tab }); this.subscribe(); },
      topic: (topic) => { this.keep({ topic }); this.subscribe(); },
      record: () => this.recording.toggle(),
      clearAlarms: () => this.alarms.clear(),
    });
    this.login = new Login(() => this.open());
    this.control = new Control({
      onState: (status) => this.onState(status),
      onConfig: (config, configRev) => this.onConfig(config, configRev),
      onStats: (stats) => this.onStats(stats),
      onAlarm: (alarm) => this.onAlarm(alarm),
      onMarker: (marker) => this.onMarker(marker),
      onRecording: (recording) => this.onRecording(recording),
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
    this.subscribe();
  }

  /** Connect, and draw from now on. */
  open() {
    this.control.open();
    this.feed.open();
  }

  get unit() { return this.live.unit; }
  get scale() { return scaleOf(this.settings, this.unit); }

  /** @param {number} scale @param {boolean} [byPerson] */
  setScale(scale, byPerson = true) {
    this.keep(withScale(this.settings, this.unit, scale, byPerson));
  }

  /** Choose the scale that fits the newest seconds. @param {number} seconds @param {boolean} byPerson */
  fit(seconds, byPerson) {
    const reach = this.live.history.peakToPeak(seconds * this.scope.sps, this.unit === KOHM);
    const fitting = fittingScale(scalesOf(this.unit), reach);
    if (fitting !== null) this.setScale(fitting, byPerson);
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
    toolbar.showScale(this.scale, this.unit, scalesOf(this.unit));
    toolbar.showTimeBase(settings.timeBaseS, TIME_BASES_S);
    toolbar.showSide(settings.side);
  }

  /** @param {number} channel */
  choose(channel) {
    channel = Math.max(0, Math.min(this.scope.labels.length - 1, channel));
    this.keep({ channel });
    this.scope.set({ chosen: channel });
    this.spectrum.channel = channel;
    this.spectrum.restart();
    this.bands.show(channel);
    this.toolbar.showChannels(this.scope.labels, channel);
  }

  /** @param {boolean} frozen */
  freeze(frozen) {
    this.scope.freeze(frozen);
    this.toolbar.showFrozen(this.scope.frozen !== null);
  }

  /** Subscribe to one topic of traces, one of spectra, all of bands and all of impedances. */
  subscribe() {
    const topics = listTopics(this.known.offered, this.known.config, this.known.plan);
    this.traces = chooseTopic(topics, false, this.settings.topic, this.looked.traces);
    const kohm = topics.filter((topic) => topic.kohm).map((topic) => topic.name);
    this.electrodes.expect(kohm);
    const bars = topics.filter((topic) => topic.bars).map((topic) => topic.name);
    this.bands.expect(bars);
    this.curve = chooseTopic(topics, true, this.settings.spectrumTopic, this.looked.curve);
    if (this.known.plan) this.looked = { traces: this.traces, curve: this.curve };
    this.feed.want([this.traces, this.curve, ...bars, ...kohm]);
    const traces = topics.filter((topic) => !topic.spectrum && !topic.bars);
    this.toolbar.showTopics(traces.map((topic) => topic.name), this.traces);
    const described = this.feed.metaOf(this.traces); // impedances are known before they become the traces
    if (described && described.topic !== this.live.meta?.topic) this.onMeta(described);
    const hasCurve = topics.length === 0 || this.curve !== null; // nothing known, nothing said
    byId("panel-spectrum").classList.toggle("is-bars-only", !hasCurve && bars.length > 0);
    this.toolbar.showTabs(this.settings.tab, hasCurve || bars.length > 0, kohm.length > 0);
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
    // A stop that somebody asked for drains first; a recording that ends just stops.
    const wasOn = this.header.state === "running" || this.hasEnded;
    this.hasEnded = status.state === "stopped" && wasOn && isRecording(this.known.config);
    this.header.showState(status.state, status.last_error ?? null);
    if (status.config_rev !== null) this.header.showConfig(this.known.config, status.config_rev);
    this.showTime();
    if ("recording" in status) this.showRecording(status.recording);
    const isOn = status.state === "running" || status.state === "paused";
    this.recording.enable(status.state === "running");
    this.markerPanel.enable(isOn);
    if (status.state === "running") this.feed.ask();
    if (isOn && status.run_id !== this.markers.runId) this.fetchMarkers();
    this.showLocks();
  }

  /** Those that came before this page did. */
  async fetchMarkers() {
    const found = await fetchJson("/api/markers");
    if (!found) return;
    this.markers.reset(found.run_id, found.markers);
    this.markerPanel.show(found.markers.at(-1));
  }

  /** @param {any} marker */
  onMarker(marker) {
    this.markers.add(marker);
    this.markerPanel.show(marker);
  }

  /** @param {any} event   a change tells of one that ended, too */
  onRecording(event) {
    const hasEnded = event.change === "ended";
    this.showRecording(hasEnded ? null : event);
    if (event.change) this.showLocks();
  }

  /** @param {any} recording */
  showRecording(recording) {
    this.recording.show(recording ?? null);
    this.header.showRecording(this.recording.isOn);
  }

  /** Which stages may not change now, as the server says. */
  async showLocks() {
    const status = await fetchJson("/api/state");
    this.stages.showLocks(lockedStages(this.known.config, status?.holders ?? []));
  }

  /** @param {any} config @param {number | null} configRev */
  async onConfig(config, configRev) {
    if (this.known.config) this.known.offered = []; // a live change: what hello said may be gone
    this.known.config = config;
    this.header.showConfig(config, configRev);
    this.subscribe();
    this.known.catalogue ??= (await fetchJson("/api/stages"))?.stages ?? null;
    this.stages.show(this.known.config, this.known.catalogue ?? []);
    this.showLocks();
    this.known.plan = await fetchJson("/api/plan");
    this.subscribe();
  }

  /** @param {any} stats */
  onStats(stats) {
    this.stats = stats;
    this.showLosses();
    this.edges.show(stats.edges ?? {});
    const fastest = fastestSps(stats);
    if (fastest > 0) this.header.showRate(fastest, true);
  }

  /** @param {any} alarm */
  onAlarm(alarm) {
    this.alarms.add(alarmFrom(alarm));
  }

  /** @param {Meta} meta */
  onMeta(meta) {
    if (meta.kind === Kind.SPECTRUM_F32) {
      if (isBars(meta)) this.bands.describe(meta);
      else if (meta.topic === this.curve) this.spectrum.describe(meta);
      return;
    }
    if (meta.unit === KOHM) this.electrodes.describe(meta);
    if (meta.topic !== this.traces) return;
    if (this.live.describe(meta)) {
      this.freeze(false);
      this.firstFit.begin();
      this.scope.show(this.live.history, meta.labels, meta.sps, this.live.unit);
      this.choose(this.settings.channel);
      this.header.showRate(meta.sps, false);
      this.showLosses();
    }
    this.showChannels();
  }

  /** @param {Meta} meta @param {Packet} packet @param {string} reason */
  onPacket(meta, packet, reason) {
    if (meta.unit === KOHM) this.electrodes.take(meta, packet);
    if (packet.kind !== Kind.SPECTRUM_F32) {
      if (meta.topic !== this.live.meta?.topic) return;
      if (this.live.add(meta, packet, reason)) this.showLosses();
      const isFree = !this.scope.frozen && !isChosen(this.settings, this.unit);
      if (isFree && this.firstFit.take(packet)) this.fit(FIT_S, false);
    } else if (isBars(meta)) {
      this.bands.take(meta, packet);
    } else if (meta.topic === this.curve && packet.nFrames > 0 && this.spectrum.channel < packet.nChannels) {
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
    this.showChannels();
  }

  /** Which channels are bad, by the flags of the traces and by the impedances of the same channels. */
  showChannels() {
    const { meta, states } = this.live;
    const labels = meta?.labels ?? [];
    const evidence = evidenceOf(this.live.runS === null ? null : meta, this.known.config, this.electrodes.measured);
    this.header.showChannels(labels, withElectrodes(labels, states, this.electrodes.bad), evidence);
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
    const isOn = this.header.state === "running" || this.header.state === "paused" || this.hasEnded;
    this.header.showLive(this.live.silentS, isOn ? this.live.runS : null, this.hasEnded);
    this.showChannels();
    this.electrodes.showAge();
    this.scope.showStates(this.live.shown);
  }

  /** Draw from now on. */
  animate() {
    everyFrame(() => {
      this.scope.draw();
      this.markerLayer.draw(this.markers, this.scope.traces, this.live.streamPerDevice);
      this.spectrum.draw();
    }, (fps) => { this.fps = fps; });
    window.setInterval(() => this.showTime(), 250);
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
