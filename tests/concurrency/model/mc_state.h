/* mc_state.h - everything that a step changes, in one struct that can be copied.
 *
 * Going back is one memcpy: checker state, world and coroutine stacks return
 * to the same addresses.
 */
#ifndef MC_STATE_H
#define MC_STATE_H

#include <setjmp.h>

#include "mc.h"

enum { MC_THREADS = 4, MC_LOCATIONS = 48, MC_MESSAGES = 240, MC_PLAIN = 32, MC_SC_EVENTS = 32, MC_OPTIONS = 64,
       MC_DEPTH = 400 };

typedef struct mc_clock { uint8_t at[MC_THREADS]; } mc_clock;             /* vector clock, release epochs */
typedef struct mc_view  { uint8_t seen[MC_LOCATIONS]; } mc_view;          /* message of each location */

typedef struct mc_message {
    uint64_t value;
    mc_view  view;                        /* what an acquire reader learns */
    mc_clock clock;
    uint8_t  rank;                        /* position in the modification order */
    bool     rmw;                         /* glued to its predecessor */
} mc_message;

typedef struct mc_location {
    uint8_t  order[MC_MESSAGES / 4];      /* messages, oldest first */
    uint8_t  n;
    uint8_t  alarm_seen;                  /* futex: newest message of an alarm's caller, + 1; 0 none */
    uint8_t  rung;                        /* eventfd: its counter is not 0 */
} mc_location;

/* Fixed after setup, hence not copied. */
typedef struct mc_use {
    const char *text;
    bool     counter, constant, await, private;
    uint8_t  owner;                       /* of a private location: thread + 1 */
    uint8_t  owned;                       /* plain number + 1 */
    bool     checked;
    uint8_t  guarded;                     /* plain number + 1 */
    bool   (*is_write)(uint64_t);
} mc_use;

typedef struct mc_plain {
    uint8_t  writer, wrote_at;            /* epoch; 0 is the setup */
    uint8_t  read_at[MC_THREADS];
} mc_plain;

typedef enum mc_kind { MC_LOAD, MC_STORE, MC_ADD, MC_CAS, MC_ALARM, MC_FUTEX, MC_POLL, MC_WAKE, MC_PLAIN_CODE } mc_kind;

typedef struct mc_op {
    mc_kind  kind;
    uint8_t  loc, bytes;
    mc_order order, failure;
    uint64_t value, expected;
} mc_op;

typedef enum mc_status { MC_READY, MC_ASLEEP, MC_DONE } mc_status;

typedef struct mc_thread {
    mc_status status;
    mc_view   view;
    mc_clock  clock;
    uint64_t  history;                    /* hash of all it read since its state was last declared */
    uint64_t  result;
    bool      success;
    uint8_t   awaited;                    /* last message read of an awaited location, + 1 */
    uint8_t   word, word_at;              /* last checked word loaded: plain number + 1; its epoch */
    uint8_t   n_sc;
    mc_op     op;
    jmp_buf   context;
    char     *stack_low;                  /* below this nothing of the stack is alive */
} mc_thread;

typedef struct mc_sc_event {
    uint8_t  thread, nth, loc, epoch;
    uint8_t  read, wrote;                 /* messages + 1; 0 none */
    uint32_t reaches;                     /* events ordered behind this one */
} mc_sc_event;

typedef struct mc_state {
    mc_thread   thread[MC_THREADS];
    mc_plain    plain[MC_PLAIN];
    mc_sc_event sc[MC_SC_EVENTS];
    uint32_t    n_sc;
    mc_location loc[MC_LOCATIONS];
    uint32_t    n_messages;
    mc_message  message[MC_MESSAGES];     /* last: only the used part is copied */
} mc_state;

extern mc_state mc;
extern mc_use mc_uses[MC_LOCATIONS];
extern uint32_t mc_n_threads, mc_n_locations, mc_n_plain;
extern int mc_current;                    /* running thread, -1: setup or finish */
extern const mc_scenario *mc_scenario_now;

/* mc_world.c */
uint8_t mc_location_of(const volatile void *p, const char *text);
uint8_t mc_plain_of(const void *p);
void mc_memory_reset(void);

/* mc_memory.c */
typedef struct mc_option { uint8_t message; bool success; } mc_option;
uint32_t mc_options(int t, mc_option *options);           /* what t's next access may do */
void mc_perform(int t, mc_option option);
void mc_perform_alone(mc_op *op, uint64_t *result, bool *success);   /* setup and finish */

/* mc_order.c: true if the seq_cst access may be added; adds it if `keep`.
 * `read`: message or -1; `behind`: message it writes behind, or -1; `wrote`: the new message once it exists. */
bool mc_sc_add(int t, uint8_t loc, int read, int behind, int wrote, mc_clock clock, bool keep);

/* mc_race.c */
bool mc_known(mc_clock clock, uint8_t thread, uint8_t epoch);
void mc_race_read(int t, uint8_t plain, uint8_t epoch);   /* epoch: of t when it read */
void mc_race_write(int t, uint8_t plain);

/* mc_thread.c */
void mc_spawn(int t, void (*body)(void));
void mc_resume(int t);
void mc_yield(void);
size_t mc_snapshot_bytes(void);
size_t mc_save(char *to);
void mc_restore(const char *from);

/* mc_hash.c */
typedef struct mc_key { uint64_t a, b; } mc_key;
mc_key mc_state_key(void);
bool mc_remember(mc_key key);             /* false if it was known */
void mc_forget_all(void);

static inline uint64_t mc_mix(uint64_t h, uint64_t x)
{
    h ^= x * UINT64_C(0x9E3779B97F4A7C15);
    h = (h << 31 | h >> 33) * UINT64_C(0xBF58476D1CE4E5B9);
    return h ^ h >> 29;
}

#endif
