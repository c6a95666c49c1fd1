/* ec_bands.h - integrals of a spectrum over stretches of its axis, all channels.
 *
 * A spectrum between its bins is taken to be a straight line; an integral over
 * [low, high] is that of the polygon, exactly: the trapezoid rule with parts of a
 * bin at both ends. It is linear, so a row is a list of weights, made once. A row
 * is a sum of such integrals, each with a factor: a band is one of them, a line of
 * the mains is one and what lies beside it, taken off.
 *
 * Invariants (tests/signal/test_spectral_bands.py)
 *   W1  a run allocates nothing; sums run over the bins in order, in double; a
 *       channel does not depend on the others
 */
#ifndef EC_BANDS_H
#define EC_BANDS_H

#include <stddef.h>
#include <stdint.h>

#define EC_BANDS_MAX_ROWS 64u
#define EC_BANDS_MAX_CHANNELS 256u

typedef enum ec_bands_finish {
    EC_BANDS_POWER,                       /* the sum itself */
    EC_BANDS_SHARE,                       /* divided by the last row, which is not put out */
    EC_BANDS_AMPLITUDE                    /* of a sine of that power: sqrt(2 p), 0 for p < 0 */
} ec_bands_finish;

typedef struct ec_bands_piece {
    uint32_t row;
    double   low, high;                   /* in bins, from the first: 0 <= low <= high <= n_bins - 1 */
    double   factor;                      /* Hz per bin, for an integral over Hz */
} ec_bands_piece;

typedef struct ec_bands {
    uint32_t n_bins, n_channels, n_rows, finish;
    uint32_t *first, *count;              /* [n_rows] bins that have a weight */
    size_t   *offset;                     /* [n_rows] of their first weight */
    double   *weights;
    double   *sums;                       /* [n_rows][n_channels] */
} ec_bands;

/* BAD_ARGUMENT if a number is out of range or a row has no piece; NO_MEMORY. After
 * an error *b owns nothing. [control-thread] */
int32_t ec_bands_init(ec_bands *b, uint32_t n_bins, uint32_t n_channels, uint32_t n_rows, uint32_t finish,
                      const ec_bands_piece *pieces, uint32_t n_pieces);
void ec_bands_destroy(ec_bands *b);       /* may be called twice. [control-thread] */

/* Rows that are put out: n_rows, or one less for shares. */
uint32_t ec_bands_rows(const ec_bands *b);

/* spectrum[n_bins][n_channels] -> out[ec_bands_rows][n_channels]. [worker-thread, realtime] */
void ec_bands_run(ec_bands *b, const float *spectrum, float *out);

#endif
