/* eegcore/plugin.h - the one header of a native stage.
 *
 * A stage turns blocks of frames into blocks of frames. The built-in stages of
 * eegcore are written against this same header. A shared library exports one
 * symbol, register_stage, which returns its table; each struct begins with its
 * size, fields are only appended, and a field is read only if the size covers
 * it. The major version must match; a plugin's minor version may be lower than
 * the host's.
 *
 * Life of a stage:
 *     describe -> create -> start -> process* -> flush -> stop -> destroy
 * Errors are negative eegcore_status values, never exceptions or exits.
 *
 * Tags: [control-thread] one thread, not the data path; [worker-thread] the
 * thread of the stage's group; [any-thread]; realtime: must not allocate,
 * lock, log, do I/O or any system call; stopped / started: the state in which
 * it is called.
 */
#ifndef EEGCORE_PLUGIN_H
#define EEGCORE_PLUGIN_H

#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#define EEGCORE_ABI_MAJOR 1u
#define EEGCORE_ABI_MINOR 2u

#define EEGCORE_MAX_CHANNELS 256u
#define EEGCORE_MASK_WORDS   4u           /* 64-bit words of a channel mask */

typedef enum eegcore_kind {
    EEGCORE_RAW_I32         = 1,          /* counts */
    EEGCORE_VOLTAGE_F32     = 2,          /* uV */
    EEGCORE_RAW_AND_VOLTAGE = 3,          /* counts and uV */
    EEGCORE_SPECTRUM_F32    = 4           /* [n_frames][n_bins][n_channels] */
} eegcore_kind;

typedef enum eegcore_flag {
    EEGCORE_FLAG_GAP       = 1,           /* frames are missing just before this block */
    EEGCORE_FLAG_SATURATED = 2,           /* at least one sample at full scale: see `saturated` */
    EEGCORE_FLAG_LEAD_OFF  = 4,           /* at least one electrode is off: see `lead_off` */
    EEGCORE_FLAG_SETTLING  = 8,           /* a filter has not settled yet */
    EEGCORE_FLAG_IMPEDANCE = 16,          /* the impedance tone is on */
    EEGCORE_FLAG_LATE_READ = 32,
    EEGCORE_FLAG_FLATLINE  = 256,         /* since 1.2: a channel stands still: see `flatline` */
    EEGCORE_FLAG_BLINK     = 512,         /* since 1.2: an eye blink: see `blink` */
    EEGCORE_FLAG_MUSCLE    = 1024,        /* since 1.2: muscle activity: see `muscle` */
    EEGCORE_FLAG_SUBSTITUTED = 2048       /* since 1.2: a stage failed; its declared default stands for its samples */
} eegcore_flag;

#define EEGCORE_FLAGS_ARTEFACT ((uint32_t)(EEGCORE_FLAG_FLATLINE | EEGCORE_FLAG_BLINK | EEGCORE_FLAG_MUSCLE))

/* The values are those of the core's own table; other negative values are a
 * stage's private failures. */
typedef enum eegcore_status {
    EEGCORE_OK            = 0,
    EEGCORE_MORE          = 1,            /* process only, since 1.1: call again, there is more to hand out */
    EEGCORE_NO_MEMORY     = -1,
    EEGCORE_BAD_ARGUMENT  = -2,
    EEGCORE_BAD_SETTING   = -3,
    EEGCORE_BAD_STREAM    = -4,
    EEGCORE_STAGE_FAILED  = -14
} eegcore_status;

/* What flows on one port. Frame-major: value of channel c in frame f is
 * values[f * n_channels + c]. */
typedef struct eegcore_stream {
    uint32_t           struct_size;
    int32_t            kind;              /* eegcore_kind */
    double             sps;               /* frames per second, nominal */
    uint32_t           n_channels;        /* 1..EEGCORE_MAX_CHANNELS */
    uint32_t           n_bins;            /* spectra only, else 0 */
    uint32_t           max_frames;        /* a block never holds more */
    uint32_t           step_num;          /* device frames between two frames: step_num / step_den */
    uint32_t           step_den;
    const char *const *labels;            /* n_channels; valid until destroy */
} eegcore_stream;

/* A few frames on one port, valid until the call returns.
 *
 * Input: n_frames is 0 when nothing came on that port. Output: the host fills
 * every field from the first input that has frames; the stage writes the
 * planes and changes what differs. A plane pointer of an output is NULL when
 * nobody reads the port: advance the state, write nothing. */
typedef struct eegcore_block {
    uint32_t struct_size;
    uint32_t flags;                       /* eegcore_flag */
    uint32_t n_frames;                    /* output: 0 for nothing */
    uint32_t n_channels;
    uint32_t n_bins;
    uint32_t max_frames;                  /* output: room for so many */
    uint32_t device_frames;               /* frames of the device this block answers for */
    uint32_t config_rev;
    uint64_t frame_index;                 /* device frame of the first frame */
    int64_t  t_ns;                        /* time of the first frame */
    double   sps;
    uint64_t saturated[EEGCORE_MASK_WORDS];
    uint64_t lead_off[EEGCORE_MASK_WORDS];
    int32_t *counts;                      /* [n_frames][n_channels] or NULL */
    float   *values;                      /* [n_frames][n_channels] uV, or [n_frames][n_bins][n_channels]; or NULL */
    uint32_t skipped_frames;              /* output, since 1.1: device frames given up by the stage's own rule; set to 0 */

    /* Since 1.2. Each is meaningful only while its flag is set, and may hold anything otherwise. */
    uint64_t flatline[EEGCORE_MASK_WORDS];
    uint64_t blink[EEGCORE_MASK_WORDS];
    uint64_t muscle[EEGCORE_MASK_WORDS];
} eegcore_block;

typedef enum eegcore_stage_flag {
    EEGCORE_STAGE_IN_PLACE = 1,           /* one input, one output: out may be the same memory as in */
    EEGCORE_STAGE_PASS     = 2            /* reads only; the host forwards the very packet it was given */
} eegcore_stage_flag;

/* A number a stage keeps for the ledger. Counts per input are frames of that stream. Where a stage has them, the
 * host holds it to
 *     in = used + skipped + held          what came in on an input, and what became of it
 *     out = used + repeated + filled      what went out, and where the share of an input is from
 * once the run is quiet. (Since 1.1) */
typedef struct eegcore_counter {
    uint32_t    struct_size;
    uint32_t    input;                    /* or EEGCORE_NO_INPUT: of the stage as a whole */
    const char *name;                     /* a word of the ledger; valid until destroy */
    uint64_t    value;
} eegcore_counter;

#define EEGCORE_NO_INPUT 0xFFFFFFFFu

typedef struct StageDescriptor {
    uint32_t    struct_size;              /* sizeof(StageDescriptor) the stage was built with */
    uint32_t    flags;                    /* eegcore_stage_flag */
    const char *id;                       /* "com.mycorp.fft" */
    uint32_t    max_inputs;
    uint32_t    max_outputs;

    /* Say what comes out for what goes in; allocate nothing. Returns the number
     * of outputs, or a negative status with the reason in *why. Pure. NULL only
     * for stages the host describes itself. [any-thread, stopped] */
    int32_t (*describe)(const char *settings_json, const eegcore_stream *in, uint32_t n_in,
                        eegcore_stream *out, uint32_t n_out, const char **why);

    /* Make an instance from its settings. NULL with the reason in *why if they
     * are not understood. [control-thread, stopped] */
    void *(*create)(const char *settings_json, const char **why);

    /* Allocate everything process needs; the streams are those of describe.
     * [control-thread, stopped] */
    int32_t (*start)(void *self, const eegcore_stream *in, uint32_t n_in,
                     const eegcore_stream *out, uint32_t n_out);

    /* Turn input blocks into output blocks. On error the host discards out.
     * EEGCORE_MORE: the host hands out on and calls again at once, with
     * n_frames 0 on every input and out as for flush; until a call returns less
     * than EEGCORE_MORE the planes of the inputs stay valid (since 1.2).
     * [worker-thread, started, realtime] */
    int32_t (*process)(void *self, const eegcore_block *in, uint32_t n_in, eegcore_block *out, uint32_t n_out);

    /* The input has ended: hand over what was held back. Called until it
     * leaves every out[i].n_frames at 0. May be NULL. [worker-thread, started] */
    int32_t (*flush)(void *self, eegcore_block *out, uint32_t n_out);

    /* Change one setting of a started stage; takes effect before the next
     * process. May be NULL. [worker-thread, started, realtime] */
    int32_t (*set)(void *self, const void *prepared, uint32_t n_bytes);

    /* 1 while settings of this stage and of everything above it must not change. May be NULL. [any-thread] */
    int32_t (*is_locked)(void *self);

    void (*stop)(void *self);             /* after the last process and flush; may be NULL [control-thread, stopped] */
    void (*destroy)(void *self);          /* [control-thread, stopped] */

    /* Since 1.1: for stages with several inputs. Each may be NULL. */

    /* 0: no block on this input, please, before another input has got one.
     * Honoured where waiting loses nothing: playback, batch, virtual time. Must
     * not be 0 for all inputs at once. [worker-thread, started, realtime] */
    int32_t (*has_room)(void *self, uint32_t input);

    /* No block will come on this input any more; the others go on. Followed by
     * calls of process with n_frames 0 on every input, until they return less
     * than EEGCORE_MORE. [worker-thread, started, realtime] */
    int32_t (*end_input)(void *self, uint32_t input);

    /* Write at most max counters, return how many there are. [any-thread, started or stopped] */
    uint32_t (*counters)(void *self, eegcore_counter *out, uint32_t max);

    /* Since 1.2: settings changed while data flow. `self` was created with the
     * new settings and started on the same streams; `old` is the instance that
     * has worked until now, between two calls of process. Take from it what
     * lets the output go on without a step: histories, windows, counts. The
     * host calls process of `self` from the next block on. Returns for how many
     * frames of the input the host shall also run `old` and cross-fade from its
     * output to that of `self` (0: not at all), or a negative status. NULL:
     * `self` begins at rest, behind a cross-fade. `old` is not used by `self`
     * afterwards. [worker-thread, started, realtime] */
    int32_t (*take_over)(void *self, void *old);
} StageDescriptor;

typedef struct eegcore_stage_table {
    uint32_t struct_size;
    uint32_t abi_major;                   /* EEGCORE_ABI_MAJOR it was built with */
    uint32_t abi_minor;
    uint32_t n_stages;
    const StageDescriptor *const *stages; /* valid until the library is unloaded */
} eegcore_stage_table;

/* The one exported symbol of a plugin library. [control-thread] */
const eegcore_stage_table *register_stage(void);

#ifdef __cplusplus
}
#endif
#endif
