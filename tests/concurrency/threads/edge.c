/* The whole way of a packet between threads, over the three kinds of edge:
 * pool -> write -> edge -> wait at the doorbell -> check -> release. Fan-out to
 * a `block` edge, a `drop_oldest` edge and a `fail` edge by one reference more
 * each; every edge must balance: in = out + dropped. */
#include <string.h>

#include "../../../csrc/ring/ec_edge.h"
#include "threads.h"

enum { EDGES = 3, WORDS = 32, SLOTS = 24 };

static ec_pool pool, *pools[1] = {&pool};
static EC_ATOMIC(uint32_t) stop;
static ec_edge *edges[EDGES];
static const uint32_t policies[EDGES] = {EC_POLICY_BLOCK, EC_POLICY_DROP_OLDEST, EC_POLICY_FAIL};
static const uint32_t capacities[EDGES] = {4, 2, 8};

static void fill(ec_packet *p, uint64_t index)
{
    uint64_t *words = ec_packet_payload(p);
    uint64_t sum = 0;

    memset(p, 0, sizeof *p);
    p->frame_index = index;
    p->device_frames = 1 + (uint32_t)(index & 3);
    for (uint32_t i = 1; i < WORDS; i++) {
        words[i] = scramble(index * WORDS + i);
        sum += words[i];
    }
    words[0] = sum;
}

static void check(ec_packet *p)
{
    const uint64_t *words = ec_packet_payload(p);
    uint64_t sum = 0;

    for (uint32_t i = 1; i < WORDS; i++) {
        CHECK(words[i] == scramble(p->frame_index * WORDS + i), "packet %" PRIu64 " is torn", p->frame_index);
        sum += words[i];
    }
    CHECK(words[0] == sum, "packet %" PRIu64 " has a wrong sum", p->frame_index);
}

static void *produce(void *unused)
{
    (void)unused;
    for (uint64_t index = 0; index < n_messages; index++) {
        const ec_ref ref = ec_pool_acquire(&pool, -1);
        const uint32_t frames = 1 + (uint32_t)(index & 3);

        fill(ec_pool_packet(&pool, ec_ref_slot(ref)), index);
        for (uint32_t e = 1; e < EDGES; e++) {
            CHECK(ec_pool_retain(&pool, ref) == EC_STATUS_OK, "fan-out");
        }
        for (uint32_t e = 0; e < EDGES; e++) {
            const int32_t status = ec_edge_push(edges[e], ref, frames);

            CHECK(status == EC_STATUS_OK || (policies[e] == EC_POLICY_FAIL && status == EC_STATUS_EDGE_FULL),
                  "edge %u: status %d", e, status);
        }
    }
    for (uint32_t e = 0; e < EDGES; e++) {
        ec_edge_end(edges[e]);
    }
    return NULL;
}

static void *consume(void *argument)
{
    ec_edge *edge = argument;
    uint64_t next = 0, random = seed + edge->number, got = 0;

    for (;;) {
        const uint32_t seen = ec_doorbell_look(edge->bell);
        const bool over = ec_edge_has_ended(edge);
        const ec_ref ref = ec_edge_pop(edge);

        if (ref == EC_REF_NONE) {
            if (over) {
                break;
            }
            ec_doorbell_wait(edge->bell, seen, -1);
            continue;
        }
        {
            ec_packet *p = ec_pool_packet(&pool, ec_ref_slot(ref));

            CHECK(p->frame_index >= next, "edge %u: order", edge->number);
            CHECK(edge->policy != EC_POLICY_BLOCK || p->frame_index == next, "a block edge drops nothing");
            next = p->frame_index + 1;
            check(p);
            if (ec_pool_is_sole(&pool, ref)) {
                memset(ec_packet_payload(p), 0xEE, WORDS * 8);            /* in-place work of the last holder */
            }
            CHECK(ec_pool_release(&pool, ref) >= 0, "a holder may release");
            got++;
        }
        stumble(&random);
    }
    CHECK(got == ec_counter_get(&edge->out_packets), "edge %u: counter", edge->number);
    return NULL;
}

int main(int argc, char **argv)
{
    pthread_t producer, consumers[EDGES];
    bool locked;

    read_arguments(argc, argv);
    CHECK(ec_pool_create(&pool, 0, SLOTS, WORDS * 8, false, &locked) == 0, "a pool");
    for (uint32_t e = 0; e < EDGES; e++) {
        edges[e] = ec_edge_create(policies[e], capacities[e], 0, e, pools, &stop, NULL, false);
        CHECK(edges[e] != NULL, "an edge");
        consumers[e] = start_thread(consume, edges[e]);
    }
    producer = start_thread(produce, NULL);
    join_thread(producer);
    printf("edge: %" PRIu64 " packets;", n_messages);
    for (uint32_t e = 0; e < EDGES; e++) {
        ec_edge *edge = edges[e];

        join_thread(consumers[e]);
        CHECK(ec_counter_get(&edge->in_packets) == n_messages, "edge %u: in", e);
        CHECK(ec_counter_get(&edge->in_packets) == ec_counter_get(&edge->out_packets)
              + ec_counter_get(&edge->dropped_packets[EC_DROP_OVERFLOW]), "edge %u: packets balance", e);
        CHECK(ec_counter_get(&edge->in_frames) == ec_counter_get(&edge->out_frames)
              + ec_counter_get(&edge->dropped_frames[EC_DROP_OVERFLOW]), "edge %u: frames balance", e);
        CHECK(policies[e] != EC_POLICY_BLOCK || ec_counter_get(&edge->out_packets) == n_messages, "block loses nothing");
        printf(" edge %u out %" PRIu64, e, (uint64_t)ec_counter_get(&edge->out_packets));
        ec_edge_destroy(edge);
    }
    CHECK(ec_pool_free_count(&pool) == SLOTS && EC_LOAD(&pool.stale, relaxed) == 0, "P4");
    printf(", all balanced\n");
    ec_pool_destroy(&pool);
    return 0;
}
