# Counters as Python sees them. Readable at any time, by any thread; exact once the run is quiet.


cdef dict histogram(ec_histogram *h):
    return {"n": ec_histogram_total(h), "p50_ns": ec_histogram_percentile(h, 0.5),
            "p99_ns": ec_histogram_percentile(h, 0.99), "max_ns": ec_counter_get(&h.max_ns),
            "sum_ns": ec_counter_get(&h.sum_ns)}


def source_stats(Graph graph, int group):
    """Counters of the source of a group, device frames."""
    cdef ec_source_counters *n = &graph.sources[group].n
    stats = {
        "edges": 0, "delivered": ec_counter_get(&n.delivered), "missed": ec_counter_get(&n.missed),
        "bad_status": ec_counter_get(&n.bad_status), "late": ec_counter_get(&n.late),
        "settling": ec_counter_get(&n.settling), "paused": ec_counter_get(&n.paused),
        "pool_empty": ec_counter_get(&n.pool_empty), "pending": ec_counter_get(&n.pending),
        "gaps": ec_counter_get(&n.gaps),
        "first_edge_ns": ec_counter_get(&n.first_edge_ns), "last_edge_ns": ec_counter_get(&n.last_edge_ns),
        "spurious": ec_counter_get(&n.spurious),
        "vanished": ec_counter_get(&n.vanished), "restarts": ec_counter_get(&n.restarts),
        "checks": ec_counter_get(&n.checks), "rate_sps": ec_counter_get(&n.rate_uhz) * 1e-6 or None,
        "residual_ns": ec_counter_get(&n.residual_ns), "wake": histogram(&n.wake_ns), "read": histogram(&n.read_ns),
        "retries": 0, "io_errors": 0,
    }
    if graph.sources[group].chips is not NULL:
        stats["retries"] = ec_counter_get(&graph.sources[group].chips.driver.retries)
        stats["io_errors"] = ec_counter_get(&graph.sources[group].chips.driver.io_errors)
    stats["edges"] = ec_counter_get(&n.edges)      # last: what happened is never less than what is accounted for
    return stats


def time_points(Graph graph, int group):
    """How many points of the time of the source of a group there were; the newest 4096 are kept."""
    return ec_time_points_count(&graph.sources[group].points)


def time_point(Graph graph, int group, uint64_t number):
    """(frame_index, t_ns, ns per frame, True after a stand-still) of a point; None if it is kept no more."""
    cdef ec_time_point point
    cdef int tries
    for tries in range(1000):              # the newest is written on; a write takes some ns
        if ec_time_points_read(&graph.sources[group].points, number, &point):
            return point.frame, point.t_ns, point.period_ns, bool(point.jump)
    return None


def emulator_truth(Graph graph, int group):
    """What the emulated chips of a group know themselves; None if the source is no emulator."""
    cdef ec_emulator_truth truth
    if graph.emulators[group] is NULL:
        return None
    ec_emulator_truth_get(graph.emulators[group], &truth)
    return {"conversions": truth.conversions, "events": truth.events, "overflowed": truth.overflowed,
            "dropped": truth.dropped, "spurious": truth.spurious, "clean": truth.clean, "spoiled": truth.spoiled,
            "torn": truth.torn, "never_read": truth.never_read, "repeated": truth.repeated,
            "failed_transfers": truth.failed_transfers, "resets": truth.resets, "violations": truth.violations,
            "last_violation": truth.last_violation}


def chip_registers(Graph graph, int group):
    """The registers of every chip of a group as they were read back, bytes each; [] for a recording."""
    cdef Source *s = graph.sources[group]
    if s.chips is NULL:
        return []
    return [(<const char *>s.chips.driver.seen[chip])[:EC_N_REGISTERS] for chip in range(s.chips.driver.n_chips)]


def device_error(Graph graph, int group, int status, str stage):
    """What the driver saw when the chips of a source could not be started, as an error; None if it saw nothing."""
    cdef Source *s = graph.sources[group]
    if s.chips is NULL or status == EC_STATUS_DEVICE_GONE or s.chips.driver.report.step == EC_STEP_NONE:
        return None
    return bring_up_error(&s.chips.driver, status, stage)


def node_stats(Graph graph, int node):
    """Counters of one node; `ports` holds device frames handed out per port."""
    cdef ec_node *n = graph._at(node)
    cdef uint32_t i
    return {
        "packets": ec_counter_get(&n.packets), "frames": ec_counter_get(&n.frames),
        "written": ec_counter_get(&n.written), "skipped": ec_counter_get(&n.skipped),
        "substituted": ec_counter_get(&n.substituted),
        "errors": ec_counter_get(&n.errors), "overruns": ec_counter_get(&n.overruns), "busy_ns": ec_counter_get(&n.process_ns.sum_ns),
        "last_frame_index": ec_counter_get(&n.last_frame_index),
        "process": histogram(&n.process_ns), "latency": histogram(&n.latency_ns),
        "ports": [(ec_counter_get(&n.ports[i].packets), ec_counter_get(&n.ports[i].frames))
                  for i in range(n.n_outputs)],
    }


def node_counters(Graph graph, int node):
    """What the stage of a node counts itself: [(input, None for the stage as a whole, name, value)...]."""
    cdef ec_node *n = graph._at(node)
    cdef eegcore_counter counters[MAX_COUNTERS]
    cdef uint32_t i, found
    if n.stage is NULL or not ec_stage_has_counters(n.stage):
        return []
    found = min(n.stage.counters(ec_node_shown(n), counters, MAX_COUNTERS), <uint32_t>MAX_COUNTERS)
    return [(None if counters[i].input == NO_INPUT else counters[i].input, (<bytes>counters[i].name).decode(),
             counters[i].value) for i in range(found)]


def histogram_buckets(Graph graph, int node, str which):
    """[(upper edge in ns, count)...] of the non-empty buckets; `which` is "process" or "latency"."""
    cdef ec_histogram *h = &graph._at(node).process_ns if which == "process" else &graph._at(node).latency_ns
    cdef int i
    return [(ec_histogram_edge(i), ec_counter_get(&h.count[i])) for i in range(EC_HISTOGRAM_BUCKETS)
            if ec_counter_get(&h.count[i])]


def edge_stats(Graph graph, int edge):
    """Counters of one edge: packets, device frames, drops by reason, depth."""
    cdef ec_edge *e = graph._edge_at(edge)
    stats = {
        "in_packets": 0, "in": 0, "out_packets": ec_counter_get(&e.out_packets), "out": ec_counter_get(&e.out_frames),
        "dropped": {"overflow": ec_counter_get(&e.dropped_frames[EC_DROP_OVERFLOW]),
                    "closed": ec_counter_get(&e.dropped_frames[EC_DROP_CLOSED]),
                    "stopped": ec_counter_get(&e.dropped_frames[EC_DROP_STOPPED])},
        "depth": ec_edge_depth(e), "capacity": e.capacity, "high_water": ec_counter_get(&e.high_water),
        "waited_s": ec_counter_get(&e.waited_ns) * 1e-9, "closed": bool(ec_edge_is_closed(e)),
    }
    stats["in_packets"] = ec_counter_get(&e.in_packets)      # last: never less than what came out of it
    stats["in"] = ec_counter_get(&e.in_frames)
    return stats


def pool_stats(Graph graph, int pool):
    """State of one pool, slots."""
    cdef ec_pool *p = graph._pool_at(pool)
    return {"size": ec_pool_size(p), "free": ec_pool_free_count(p), "grown": ec_pool_size(p) == p.slots_reserved,
            "exhausted": ec_pool_exhausted(p), "stale": ec_pool_stale(p), "high_water": ec_pool_high_water(p),
            "slot_bytes": p.payload_bytes}


def group_stats(Graph graph, int group):
    """Sign of life of a group's thread: ns since its last round, rounds, the node it is in or None, its end."""
    cdef ec_group *g = graph._group(group)
    cdef uint64_t beat = ec_counter_get(&g.beat_ns)
    cdef uint64_t at = ec_counter_get(&g.at)       # once: it may be 0 at a second look
    return {"beat_age_ns": ec_now_ns() - <int64_t>beat if beat else None, "rounds": ec_counter_get(&g.rounds),
            "at": at - 1 if at else None, "parked": bool(ec_run_is(&g.parked)),
            "ended": bool(ec_group_has_ended(g))}


def node_digest(Graph graph, int node):
    """SHA-256 (hex) over what a sink has seen, None if it was not asked for. After the run is quiet."""
    cdef ec_sha256 h
    cdef uint8_t out[32]
    if not graph._at(node).digest_on:
        return None
    h = graph._at(node).digest
    ec_sha256_final(&h, out)
    return (<char *>out)[:32].hex()
