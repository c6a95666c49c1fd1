/* ec_signal.h - what the electrodes of one emulated chip see, in uV.
 *
 * The synthesiser makes blocks of 64 frames, eight lanes wide (a chip has at
 * most eight channels; missing lanes are computed and ignored), so that every
 * inner loop has a constant length and becomes vector code. Blocks begin at
 * frames 0, 64, 128 ...: how frames are read cannot change them. What the chip
 * makes of it (gain, reference, its own noise) is ec_front_end.h.
 *
 * Signals
 *   eeg   1/f background (five one-pole filters two octaves apart, about
 *         1 uV^2/Hz at 10 Hz, nothing above some 300 Hz), alpha at 10..11 Hz that waxes and wanes, blinks
 *         (raised cosine of 250..350 ms), mains with a weak second harmonic,
 *         electrode offset within 5 mV with a slow drift
 *   sine  sine_uv * sin(2 pi (sine_hz t + c/16))
 *   test  a square wave of +-VREF/2400 at the electrodes, half period 0.512 s,
 *         counted in frames; the first half is positive
 * The droop of the chip's sinc filter is not modelled; lines that a real chip
 * would alias (at or above sps / 2) are left out.
 *
 * Invariants (tests/emulator/test_emulator_signal.py)
 *   S1  a channel depends on (seed, its number in the source) and its settings
 *   S2  only + - * / and sqrt of doubles, tables and integer random numbers:
 *       the same values on every machine (build with -ffp-contract=off)
 */
#ifndef EC_SIGNAL_H
#define EC_SIGNAL_H

#include <stdint.h>

#define EC_SIGNAL_LANES   8u
#define EC_SIGNAL_FRAMES  64u
#define EC_SIGNAL_POLES   5u

typedef enum ec_signal_kind {
    EC_SIGNAL_EEG  = 0,
    EC_SIGNAL_SINE = 1,
    EC_SIGNAL_TEST = 2,
    EC_SIGNAL_FILE = 3                    /* the emulator's own: no synthesis */
} ec_signal_kind;

/* One chip. Pointers are read by ec_signal_init only. */
typedef struct ec_signal_settings {
    int32_t  kind;                        /* EEG, SINE or TEST */
    uint32_t first_channel;               /* number of lane 0 in the source */
    uint32_t n_channels;                  /* 1..8 */
    double   sps;
    double   vref_v;
    uint64_t seed;
    double   mains_hz, mains_uv;
    double   sine_hz, sine_uv;
    double   offset_scale;                /* of electrode offsets and drifts; 1 */
    const double  *alpha_weight;          /* [n_channels] */
    const double  *blink_weight;          /* [n_channels] */
} ec_signal_settings;

/* A line at a fixed frequency: the angle is kept in turns * 2^64 and wraps by
 * itself; 64 rotations from the start of a block are a table. */
typedef struct ec_signal_line {
    uint64_t step;                        /* turns per frame * 2^64; 0: absent */
    double   sin_at[EC_SIGNAL_FRAMES];
    double   cos_at[EC_SIGNAL_FRAMES];
} ec_signal_line;

/* Private to ec_signal.c; here so that the emulator can allocate it in one piece. */
typedef struct ec_signal {
    int32_t  kind;
    uint32_t n_channels;
    uint64_t next_frame;                  /* first frame of the next block, from 0 */
    double   sps;
    uint64_t sps_mhz;

    ec_signal_line mains, alpha, sine;
    uint32_t second_absent;               /* twice the mains is at or above sps / 2 */
    uint64_t envelope_key, blink_key;     /* common to all chips */

    double   smoothing;                   /* as a pole, of the white drive of all of them */
    double   pole[EC_SIGNAL_POLES];       /* a of y += a (x - y); 0: left out */
    double   pole_gain[EC_SIGNAL_POLES];

    /* uV per unit of each ingredient, per lane. */
    double   mains_sin[EC_SIGNAL_LANES], mains_cos[EC_SIGNAL_LANES];
    double   second_sin[EC_SIGNAL_LANES], second_cos[EC_SIGNAL_LANES];
    double   alpha_sin[EC_SIGNAL_LANES], alpha_cos[EC_SIGNAL_LANES];
    double   blink[EC_SIGNAL_LANES];
    double   pink[EC_SIGNAL_LANES];
    double   offset[EC_SIGNAL_LANES], drift[EC_SIGNAL_LANES];
    uint64_t sine_phase[EC_SIGNAL_LANES]; /* turns * 2^64 */
    double   amplitude_uv;                /* sine and test */

    uint64_t pole_key[EC_SIGNAL_LANES], drift_key[EC_SIGNAL_LANES];

    /* State: what one block leaves to the next. */
    double   pole_state[EC_SIGNAL_POLES][EC_SIGNAL_LANES];
    double   drive_state[EC_SIGNAL_LANES];
    double   level_now[EC_SIGNAL_LANES];  /* offset and drift, uV */
} ec_signal;

/* Prepare tables and coefficients; the settings have been checked. Ends with
 * ec_signal_reset. [control-thread] */
void ec_signal_init(ec_signal *signal, const ec_signal_settings *settings);

/* Back to frame 0. [any-thread, realtime] */
void ec_signal_reset(ec_signal *signal);

/* The next 64 frames, uV. `white`: independent integers of variance EC_NOISE_SD^2, the drive of the background;
 * looked at by eeg only. Lanes from n_channels on hold nothing of use. [acquire, realtime] */
void ec_signal_block(ec_signal *signal, const int32_t white[EC_SIGNAL_FRAMES][EC_SIGNAL_LANES],
                     double uv[EC_SIGNAL_FRAMES][EC_SIGNAL_LANES]);

#endif
