/* ec_packet.h - the header in front of the samples, and the name of a packet.
 *
 * A packet is one slot of a pool: this header, then the payload, frame-major
 * [n_frames][n_channels], or [n_frames][n_bins][n_channels] for spectra;
 * RAW_AND_VOLTAGE carries the int32 plane first, then the float32 plane. The
 * slab may be mapped by other processes, so the layout is fixed and holds no
 * pointer. Samples are written once, by whoever holds the only reference.
 */
#ifndef EC_PACKET_H
#define EC_PACKET_H

#include <stddef.h>
#include <stdint.h>

#define EC_MASK_WORDS 4                   /* channel masks: 256 channels */
#define EC_MAX_HOPS   6

/* A reference: pool (8 bits) | slot (24 bits) | generation (32 bits). A
 * reference is good for one life of its slot; 0 is never one. */
typedef uint64_t ec_ref;
#define EC_REF_NONE UINT64_C(0)

static inline ec_ref ec_ref_make(uint32_t pool, uint32_t slot, uint32_t generation)
{
    return (uint64_t)pool << 56 | (uint64_t)slot << 32 | generation;
}
static inline uint32_t ec_ref_pool(ec_ref ref)       { return (uint32_t)(ref >> 56); }
static inline uint32_t ec_ref_slot(ec_ref ref)       { return (uint32_t)(ref >> 32) & 0xFFFFFFu; }
static inline uint32_t ec_ref_generation(ec_ref ref) { return (uint32_t)ref; }

/* One node that wrote this packet or an ancestor of it. */
typedef struct ec_hop {
    uint32_t node;
    uint32_t enter_ns;                    /* after t_complete_ns; saturates after 4.29 s */
    uint32_t leave_ns;
} ec_hop;

typedef struct ec_packet {
    uint32_t kind;                        /* EEGCORE_RAW_I32 ... */
    uint32_t flags;                       /* EEGCORE_FLAG_... */
    uint32_t n_frames;
    uint32_t n_channels;
    uint32_t n_bins;                      /* spectra only, else 0 */
    uint32_t payload_bytes;
    uint32_t stream;                      /* number of the port that made it */
    uint32_t meta_rev;
    uint32_t config_rev;
    uint32_t step_num;                    /* frame i is device frame frame_index + i * step_num / step_den */
    uint32_t step_den;
    uint32_t device_frames;               /* frames of the device this packet answers for: the ledger's unit */
    uint64_t frame_index;                 /* of the first frame; counts every DRDY edge since start */
    int64_t  t_ns;                        /* of the first frame, clock of the run */
    double   sps;
    int64_t  t_complete_ns;               /* CLOCK_MONOTONIC when the source had its last sample */
    uint64_t saturated[EC_MASK_WORDS];    /* bit c of word c / 64: channel c */
    uint64_t lead_off[EC_MASK_WORDS];
    uint32_t n_hops;
    ec_hop   hops[EC_MAX_HOPS];
    uint32_t reserved;
    uint64_t flatline[EC_MASK_WORDS];     /* these three: written and read only while their flag is set */
    uint64_t blink[EC_MASK_WORDS];
    uint64_t muscle[EC_MASK_WORDS];
} ec_packet;

#define EC_PACKET_HEADER_BYTES 320
_Static_assert(sizeof(ec_packet) <= EC_PACKET_HEADER_BYTES, "the payload begins behind the header");
_Static_assert(offsetof(ec_packet, frame_index) == 48, "fixed layout, seen by other processes");
_Static_assert(offsetof(ec_packet, saturated) == 80, "fixed layout, seen by other processes");

static inline void *ec_packet_payload(ec_packet *p)
{
    return (unsigned char *)p + EC_PACKET_HEADER_BYTES;
}

#endif
