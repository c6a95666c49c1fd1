/* probe.c - what a header holds inline, as functions that ctypes can call. */
#include "base/ec_fp.h"
#include "base/ec_sha256.h"
#include "base/ec_simd.h"
#include "base/ec_trig.h"
#include "dsp/ec_decibel.h"
#include "dsp/ec_decode24.h"
#include "dsp/ec_fir.h"
#include "dsp/ec_format_csv.h"
#include "dsp/ec_psd.h"
#include "dsp/ec_sos.h"

void probe_sincos(double turns, double *out)
{
    ec_sincos_turns(turns, &out[0], &out[1]);
}

double probe_decibel(double power)
{
    return ec_decibel(power);
}

/* What dsp_library.py repeats. */
void probe_sizes(uint64_t *out)
{
    out[0] = sizeof(ec_sos);
    out[1] = sizeof(ec_sha256);
    out[2] = sizeof(ec_rfft);
    out[3] = sizeof(ec_psd);
    out[4] = EC_SOS_SCRATCH_DOUBLES;
    out[5] = ec_padded(1);
    out[6] = ec_padded(8);
    out[7] = ec_padded(9);
    out[8] = ec_frame_bytes(8);
    out[9] = ec_status_loff_p(0xCABCDE);
    out[10] = ec_status_loff_n(0xCABCDE);
    out[11] = ec_status_gpio(0xCABCDE);
    out[12] = ec_simd_level();
    out[13] = sizeof(ec_fir);
}

/* Half of v with denormals flushed; the caller's mode comes back. */
double probe_flush(double v)
{
    const uint64_t before = ec_fp_mode();
    volatile double half = v;

    ec_fp_flush_denormals();
    half = half * 0.5;
    ec_fp_restore(before);
    return half;
}
