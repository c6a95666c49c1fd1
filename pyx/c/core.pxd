"""Extern declarations of the core: status, counters, packets, pools, rings, edges, the running graph."""

from libc.stdint cimport int32_t, int64_t, uint8_t, uint32_t, uint64_t


cdef extern from "<stdbool.h>" nogil:
    ctypedef bint cbool "bool"


cdef extern from "base/ec_status.h" nogil:
    enum:
        EC_STATUS_OK, EC_STATUS_NO_MEMORY, EC_STATUS_BAD_ARGUMENT, EC_STATUS_BAD_SETTING, EC_STATUS_BAD_STREAM
        EC_STATUS_POOL_EMPTY, EC_STATUS_STALE_REFERENCE, EC_STATUS_EDGE_FULL, EC_STATUS_TIMEOUT, EC_STATUS_CLOSED
        EC_STATUS_END_OF_DATA, EC_STATUS_BAD_STATUS_WORD, EC_STATUS_STOPPED, EC_STATUS_SYSTEM
        EC_STATUS_DEVICE_IO, EC_STATUS_NO_DRDY, EC_STATUS_BAD_DEVICE, EC_STATUS_DEVICE_GONE, EC_STATUS_WRONG_RATE
    const char *ec_status_name(int32_t status)
    const char *ec_status_text(int32_t status)


cdef extern from "base/ec_clock.h" nogil:
    int64_t ec_now_ns()


cdef extern from "base/ec_rt.h" nogil:
    void ec_rt_enter()
    void ec_rt_leave()


cdef extern from "base/ec_fp.h" nogil:
    void ec_fp_flush_denormals()
    uint64_t ec_fp_mode()
    void ec_fp_restore(uint64_t mode)


cdef extern from "base/ec_counter.h" nogil:
    ctypedef struct ec_counter:
        pass
    void ec_counter_add(ec_counter *c, uint64_t n)
    void ec_counter_set(ec_counter *c, uint64_t v)
    uint64_t ec_counter_get(ec_counter *c)
    ctypedef struct ec_histogram:
        ec_counter count[160]
        ec_counter sum_ns
        ec_counter max_ns
    enum: EC_HISTOGRAM_BUCKETS
    uint64_t ec_histogram_total(ec_histogram *h)
    void ec_histogram_add(ec_histogram *h, int64_t ns)
    uint64_t ec_histogram_percentile(ec_histogram *h, double share)
    uint64_t ec_histogram_edge(uint32_t bucket)


cdef extern from "base/ec_sha256.h" nogil:
    ctypedef struct ec_sha256:
        pass
    void ec_sha256_init(ec_sha256 *h)
    void ec_sha256_update(ec_sha256 *h, const void *data, size_t n)
    void ec_sha256_final(ec_sha256 *h, uint8_t *out)


cdef extern from "packet/ec_packet.h" nogil:
    ctypedef uint64_t ec_ref
    enum: EC_REF_NONE, EC_PACKET_HEADER_BYTES, EC_MASK_WORDS, EC_MAX_HOPS
    uint32_t ec_ref_pool(ec_ref ref)
    uint32_t ec_ref_slot(ec_ref ref)
    uint32_t ec_ref_generation(ec_ref ref)
    ctypedef struct ec_hop:
        uint32_t node
        uint32_t enter_ns
        uint32_t leave_ns
    ctypedef struct ec_packet:
        uint32_t kind, flags, n_frames, n_channels, n_bins, payload_bytes, stream, meta_rev, config_rev
        uint32_t step_num, step_den, device_frames
        uint64_t frame_index
        int64_t t_ns
        double sps
        int64_t t_complete_ns
        uint64_t saturated[4]
        uint64_t lead_off[4]
        uint32_t n_hops
        ec_hop hops[6]
        uint64_t flatline[4]
        uint64_t blink[4]
        uint64_t muscle[4]
    void *ec_packet_payload(ec_packet *p)


cdef extern from "ring/ec_doorbell.h" nogil:
    ctypedef struct ec_doorbell:
        int event_fd
    int32_t ec_doorbell_init(ec_doorbell *d, cbool with_eventfd)
    uint32_t ec_doorbell_look(ec_doorbell *d)
    void ec_doorbell_ring(ec_doorbell *d)
    cbool ec_doorbell_arm(ec_doorbell *d, uint32_t seen)
    void ec_doorbell_disarm(ec_doorbell *d)
    void ec_doorbell_alarm(ec_doorbell *d)
    void ec_doorbell_wait(ec_doorbell *d, uint32_t seen, int64_t deadline_ns)


cdef extern from "packet/ec_pool.h" nogil:
    ctypedef struct ec_pool:
        uint32_t id, stride, payload_bytes, slots_reserved
        int memfd
    ec_packet *ec_pool_packet(const ec_pool *p, uint32_t slot)
    ec_ref ec_pool_try_acquire(ec_pool *p)
    ec_ref ec_pool_acquire(ec_pool *p, int64_t deadline_ns)
    int32_t ec_pool_retain(ec_pool *p, ec_ref ref)
    int32_t ec_pool_release(ec_pool *p, ec_ref ref)
    cbool ec_pool_is_sole(ec_pool *p, ec_ref ref)
    uint32_t ec_pool_free_count(ec_pool *p)
    int32_t ec_pool_grow(ec_pool *p)
    uint32_t ec_pool_size(ec_pool *p)
    uint32_t ec_pool_exhausted(ec_pool *p)
    uint32_t ec_pool_stale(ec_pool *p)
    uint32_t ec_pool_high_water(ec_pool *p)


cdef extern from "ring/ec_mpsc.h" nogil:
    ctypedef struct ec_record:
        uint64_t words[7]
    ctypedef struct ec_mpsc:
        pass
    cbool ec_mpsc_pop(ec_mpsc *q, ec_record *record)


cdef extern from "ring/ec_edge.h" nogil:
    enum: EC_POLICY_FAIL, EC_POLICY_DROP_OLDEST, EC_POLICY_BLOCK
    enum: EC_DROP_OVERFLOW, EC_DROP_CLOSED, EC_DROP_STOPPED, EC_DROP_REASONS
    ctypedef struct ec_flag "EC_ATOMIC(uint32_t)":
        pass
    ctypedef struct ec_edge:
        uint32_t routed, held_rev
        ec_ref held
        ec_flag over
        uint32_t policy, capacity, critical, number
        ec_doorbell *bell
        ec_doorbell own_bell, space
        ec_counter in_packets, in_frames, high_water, waited_ns, out_packets, out_frames
        ec_counter dropped_packets[3]
        ec_counter dropped_frames[3]
    ec_edge *ec_edge_create(uint32_t policy, uint32_t capacity, uint32_t critical, uint32_t number, ec_pool **pools,
                            ec_flag *abort, ec_doorbell *bell, cbool with_eventfd)
    void ec_edge_destroy(ec_edge *e)
    void ec_edge_reopen(ec_edge *e, uint32_t critical)
    uint32_t ec_edge_sweep(ec_edge *e, int reason)
    int32_t ec_edge_push(ec_edge *e, ec_ref ref, uint32_t device_frames)
    ec_ref ec_edge_pop(ec_edge *e)
    uint32_t ec_edge_depth(ec_edge *e)
    void ec_edge_end(ec_edge *e)
    cbool ec_edge_has_ended(ec_edge *e)
    cbool ec_edge_is_over(ec_edge *e)
    void ec_edge_close(ec_edge *e)
    cbool ec_edge_is_closed(ec_edge *e)


cdef extern from "eegcore/plugin.h" nogil:
    enum: EEGCORE_RAW_I32, EEGCORE_VOLTAGE_F32, EEGCORE_RAW_AND_VOLTAGE, EEGCORE_SPECTRUM_F32
    enum: EEGCORE_FLAG_GAP, EEGCORE_FLAG_SATURATED, EEGCORE_FLAG_LEAD_OFF, EEGCORE_FLAG_SETTLING, EEGCORE_FLAG_IMPEDANCE
    enum: EEGCORE_FLAG_LATE_READ, EEGCORE_FLAG_FLATLINE, EEGCORE_FLAG_BLINK, EEGCORE_FLAG_MUSCLE, EEGCORE_FLAGS_ARTEFACT
    enum: EEGCORE_FLAG_SUBSTITUTED
    enum: EEGCORE_OK, EEGCORE_MORE, EEGCORE_NO_MEMORY, EEGCORE_BAD_SETTING, EEGCORE_BAD_STREAM, EEGCORE_STAGE_FAILED
    enum: EEGCORE_STAGE_IN_PLACE, EEGCORE_STAGE_PASS
    ctypedef struct eegcore_stream:
        uint32_t struct_size
        int32_t kind
        double sps
        uint32_t n_channels, n_bins, max_frames, step_num, step_den
        const char *const *labels
    ctypedef struct eegcore_block:
        uint32_t struct_size, flags, n_frames, n_channels, n_bins, max_frames, device_frames, config_rev
        uint64_t frame_index
        int64_t t_ns
        double sps
        uint64_t saturated[4]
        uint64_t lead_off[4]
        int32_t *counts
        float *values
        uint32_t skipped_frames
        uint64_t flatline[4]
        uint64_t blink[4]
        uint64_t muscle[4]
    ctypedef struct eegcore_counter:
        uint32_t struct_size, input
        const char *name
        uint64_t value
    ctypedef struct StageDescriptor:
        uint32_t struct_size, flags
        const char *id
        uint32_t max_inputs, max_outputs
        int32_t (*describe)(const char *, const eegcore_stream *, uint32_t, eegcore_stream *, uint32_t,
                            const char **) noexcept nogil
        void *(*create)(const char *, const char **) noexcept nogil
        int32_t (*start)(void *, const eegcore_stream *, uint32_t, const eegcore_stream *, uint32_t) noexcept nogil
        int32_t (*process)(void *, const eegcore_block *, uint32_t, eegcore_block *, uint32_t) noexcept nogil
        int32_t (*flush)(void *, eegcore_block *, uint32_t) noexcept nogil
        int32_t (*set)(void *, const void *, uint32_t) noexcept nogil
        int32_t (*is_locked)(void *) noexcept nogil
        void (*stop)(void *) noexcept nogil
        void (*destroy)(void *) noexcept nogil
        int32_t (*has_room)(void *, uint32_t) noexcept nogil
        int32_t (*end_input)(void *, uint32_t) noexcept nogil
        uint32_t (*counters)(void *, eegcore_counter *, uint32_t) noexcept nogil
        int32_t (*take_over)(void *, void *) noexcept nogil


cdef extern from "graph/ec_routes.h" nogil:
    ctypedef struct ec_local:
        ec_node *node
        uint32_t input
    ctypedef struct ec_routes:
        uint32_t n_local, n_edges
        ec_local *local
        ec_edge **edges
    ec_routes *ec_routes_create(uint32_t room_local, uint32_t room_edges)
    cbool ec_routes_has_local(const ec_routes *routes, const ec_node *node, uint32_t input)
    ec_routes *ec_routes_dropped(const ec_routes *old, const ec_routes *fresh)


cdef extern from "graph/ec_schedule.h" nogil:
    ctypedef struct ec_turn:
        pass
    cbool ec_turn_publish(ec_turn *t, ec_schedule *fresh)
    ec_schedule *ec_turn_next(ec_turn *t)
    cbool ec_turn_end(ec_turn *t)
    cbool ec_turn_has_ended(ec_turn *t)
    ec_schedule *ec_turn_taken(ec_turn *t)
    void ec_over_set(ec_flag *over)
    cbool ec_over_seen(ec_flag *over)


cdef extern from "graph/ec_rewire.h" nogil:
    ctypedef struct ec_graph:
        ec_node **nodes
        ec_group **groups
        ec_edge **edges
        uint32_t n_nodes, n_groups, n_edges
    ec_schedule *ec_schedule_create(uint32_t room_nodes, uint32_t room_inputs)
    void ec_schedule_destroy(ec_schedule *schedule)
    cbool ec_schedule_has_node(const ec_schedule *schedule, const ec_node *node)
    cbool ec_schedule_has_edge(const ec_schedule *schedule, const ec_edge *edge)
    const ec_node *ec_graph_find_fed(const ec_graph *graph, ec_schedule **schedules)
    void ec_graph_remember(const ec_graph *graph)
    int32_t ec_schedule_find_inputs(const ec_graph *graph, ec_schedule *schedule, const ec_schedule *before)
    cbool ec_graph_leads_to_edge(const ec_graph *graph, const ec_edge *edge)
    cbool ec_graph_leads_to_node(const ec_graph *graph, const ec_node *node)
    cbool ec_graph_leads_to_pool(const ec_graph *graph, const ec_pool *pool)
    cbool ec_group_is_gone(ec_group *group)
    int32_t ec_group_tidy(const ec_graph *graph, ec_group *group)


cdef extern from "graph/ec_change.h" nogil:
    enum: EC_CHANGE_WAITING, EC_CHANGE_TAKEN, EC_CHANGE_DONE
    ctypedef struct ec_port_change:
        ec_routes *routes
        ec_routes *ends
        ec_pool *pool
    ctypedef struct ec_change:
        uint32_t config_rev, n_ports
        uint32_t is_retire
        uint64_t at_frame, applied_frame
        void *self
        uint32_t *meta_rev
        ec_port_change *rewired
    ctypedef struct ec_inbox:
        pass
    void ec_inbox_append(ec_inbox *q, ec_change *change)
    uint32_t ec_change_state_of(const ec_change *change)
    const ec_change *ec_inbox_taken(const ec_inbox *q)
    ec_change *ec_inbox_collect(ec_inbox *q)


cdef extern from "graph/ec_fade.h" nogil:
    ec_change *ec_change_create(const ec_node *node, void *self, double sps_in)
    void ec_change_destroy(ec_change *change)
    uint32_t ec_node_collect(ec_node *node)
    int32_t ec_node_take_changes(ec_node *node, uint32_t config_rev)
    void ec_node_end_fade(ec_node *node)
    void ec_node_run_old(ec_node *node, const eegcore_block *blocks, uint32_t n_frames, const eegcore_block *out)
    void ec_node_fade(ec_node *node, eegcore_block *out)
    cbool ec_node_fade_is_over(const ec_node *node)
    cbool ec_node_is_behind(const ec_node *node, uint32_t config_rev)
    cbool ec_source_is_due(const ec_node *node, uint64_t frame_index)
    cbool ec_source_may_take(const ec_node *node, uint64_t frame_index, uint32_t newest)
    void ec_source_take_changes(ec_node *node, uint64_t frame_index, uint32_t newest)
    void ec_node_end(ec_node *node, uint32_t newest)
    cbool ec_node_has_heir_of(ec_node *node)
    int32_t ec_node_inherit(ec_node *node)


cdef extern from "graph/ec_node.h" nogil:
    enum: EC_MAX_INPUTS, EC_BLOCK_HEAD_BYTES, EC_ON_ERROR_FATAL, EC_ON_ERROR_DRAIN_THEN_STOP, EC_ON_ERROR_SKIP_PACKET
    enum: EC_ON_ERROR_USE_DEFAULT
    enum: EC_LOG_STAGE_FAILED, EC_LOG_EDGE_CLOSED, EC_LOG_POOL_EMPTY, EC_LOG_BAD_STATUS, EC_LOG_READ_FAILED
    enum: EC_LOG_DEVICE, EC_LOG_BUS_STUCK, EC_LOG_RECOVERING, EC_LOG_RECOVERED, EC_LOG_OUT_OF_STEP
    ctypedef struct ec_fanout:
        uint32_t n
        ec_edge **edges
    ctypedef struct ec_port:
        uint32_t number, kind, n_channels, n_bins, max_frames, step_num, step_den, meta_rev
        double sps
        ec_pool *pool
        ec_ref spare
        ec_routes *routes
        ec_routes *planned
        ec_pool *planned_pool
        float *substitute
        ec_counter packets, frames
    ctypedef struct ec_node:
        const StageDescriptor *stage
        void *self
        uint32_t config_rev
        double in_step
        ec_inbox inbox
        ec_change *fade
        uint32_t at, number, on_error, is_sink, dead, has_skipped, ended, ending, finished, let_go, n_inputs, n_outputs
        ec_node *heir_of
        ec_flag over
        uint32_t fed, leaves
        int64_t budget_ns
        ec_ref pending[8]
        ec_port *ports
        cbool digest_on
        ec_sha256 digest
        ec_counter packets, frames, written, skipped, substituted, errors, overruns, last_frame_index
        ec_histogram process_ns, latency_ns
    ctypedef struct ec_input:
        ec_edge *edge
        ec_node *node
        uint32_t input, silent, n_gates
    ctypedef struct ec_schedule:
        uint32_t config_rev, n_nodes, n_inputs
        ec_node **nodes
        ec_input *inputs
        ec_schedule *older
    ctypedef struct ec_failure:
        int32_t status
        uint32_t node, edge
        uint64_t frame_index
    ctypedef struct ec_run:
        ec_pool *pools[64]
        uint32_t n_pools, is_virtual
        ec_flag stopping, abort, paused, failed
        ec_failure failure
        ec_mpsc log
    ctypedef struct ec_group:
        ec_run *run
        ec_node **nodes
        uint32_t n_nodes
        ec_input *inputs
        uint32_t n_inputs, config_rev, started
        ec_turn turn
        ec_schedule *published
        int64_t spin_ns
        ec_doorbell bell
        ec_flag parked
        ec_counter beat_ns, at, rounds
    ec_run *ec_run_create(cbool is_virtual)
    void ec_run_destroy(ec_run *run)
    int32_t ec_run_add_pool(ec_run *run, uint32_t slots, uint32_t payload_bytes, cbool lock, cbool *locked)
    ec_node *ec_node_create(uint32_t number, uint32_t n_inputs, uint32_t n_outputs)
    void ec_node_destroy(ec_node *node, ec_run *run)
    void ec_node_set_self(ec_node *node, void *self)
    void *ec_node_shown(ec_node *node)
    ec_group *ec_group_create(ec_run *run)
    void ec_group_destroy(ec_group *group)
    int32_t ec_group_add_node(ec_group *group, ec_node *node)
    int32_t ec_group_add_input(ec_group *group, ec_edge *edge, ec_node *node, uint32_t input)
    int32_t ec_port_add_route(ec_port *port, ec_node *node, uint32_t input, ec_edge *edge)
    cbool ec_group_quiesce(ec_group *group)
    void ec_group_take(ec_group *g, ec_schedule *schedule)
    void ec_run_forget_pool(ec_run *run, uint32_t id)
    cbool ec_stage_has_end_input(const StageDescriptor *stage)
    cbool ec_stage_has_counters(const StageDescriptor *stage)
    cbool ec_stage_has_take_over(const StageDescriptor *stage)
    cbool ec_input_may_come(const ec_input *input)
    cbool ec_input_fetch(ec_input *input)
    cbool ec_input_is_open(ec_input *input, uint32_t config_rev)
    int32_t ec_port_add_edge(ec_group *group, ec_port *port, ec_edge *edge)
    int32_t ec_port_remove_edge(ec_group *group, ec_port *port, ec_edge *edge)
    void ec_run_fail(ec_run *run, int32_t status, uint32_t node, uint32_t edge, uint64_t frame_index)
    void ec_run_log(ec_run *run, uint32_t code, uint32_t node, uint32_t edge, uint64_t frame_index, int64_t value)
    const ec_fanout *ec_port_fanout(ec_port *port)
    const ec_routes *ec_port_routes(ec_port *port)
    void ec_group_next_epoch(ec_group *g)
    void ec_group_park(ec_group *g, uint32_t parked)
    cbool ec_group_has_ended(ec_group *g)
    void ec_group_end(ec_group *g)
    cbool ec_port_is_read(ec_port *port)
    cbool ec_run_is(ec_flag *flag)
    cbool ec_run_has_failed(ec_run *run)
    void ec_run_set(ec_flag *flag, uint32_t value)
