/* The world's addresses: which word is which location or plain datum. */
#include <string.h>

#include "mc_state.h"

enum { WORLD_WORDS = 4096 };

mc_state mc;
mc_use mc_uses[MC_LOCATIONS];
uint32_t mc_n_threads, mc_n_locations, mc_n_plain;
int mc_current = -1;

static uint8_t location_at[WORLD_WORDS], plain_at[WORLD_WORDS];   /* number + 1 of each word of the world */

static size_t word_of(const volatile void *p)
{
    const size_t offset = (size_t)((const volatile char *)p - (const volatile char *)mc_world);

    if (offset >= mc_world_bytes || offset / 4 >= WORLD_WORDS) {
        mc_fail("checker: shared data outside the world");
    }
    return offset / 4;
}

uint8_t mc_location_of(const volatile void *p, const char *text)
{
    uint8_t *known = &location_at[word_of(p)];

    if (*known == 0) {
        if (mc_current >= 0 || mc_n_locations == MC_LOCATIONS) {
            mc_fail("checker: an atomic that the setup did not write, or too many");
        }
        *known = (uint8_t)++mc_n_locations;
        mc_uses[*known - 1] = (mc_use){.text = text};
        mc.loc[*known - 1] = (mc_location){.order = {(uint8_t)mc.n_messages}, .n = 1};
        mc.message[mc.n_messages] = (mc_message){0};
        for (uint32_t t = 0; t < MC_THREADS; t++) {
            mc.thread[t].view.seen[*known - 1] = (uint8_t)mc.n_messages;
        }
        for (uint32_t m = 0; m <= mc.n_messages; m++) {
            mc.message[m].view.seen[*known - 1] = (uint8_t)mc.n_messages;
        }
        memcpy(mc.message[mc.n_messages].view.seen, mc.thread[0].view.seen, sizeof mc.thread[0].view.seen);
        mc.n_messages++;
    }
    return (uint8_t)(*known - 1);
}

uint8_t mc_plain_of(const void *p)
{
    uint8_t *known = &plain_at[word_of(p)];

    if (*known == 0) {
        if (mc_n_plain == MC_PLAIN) {
            mc_fail("checker: too much plain data");
        }
        *known = (uint8_t)++mc_n_plain;
    }
    return (uint8_t)(*known - 1);
}

void mc_memory_reset(void)
{
    memset(&mc, 0, sizeof mc);
    memset(mc_uses, 0, sizeof mc_uses);
    memset(location_at, 0, sizeof location_at);
    memset(plain_at, 0, sizeof plain_at);
    mc_n_locations = mc_n_plain = 0;
    for (uint8_t t = 0; t < MC_THREADS; t++) {
        mc.thread[t].status = MC_DONE;
        mc.thread[t].clock.at[t] = 1;
    }
}
