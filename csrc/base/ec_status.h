/* ec_status.h - every status code of the core, once.
 *
 * 0 is success, positive values are counts, negative values are these. The
 * Python error tree is built from the same table (pyx/parts/status.pxi), and
 * the public half of the numbers is repeated in eegcore/plugin.h, where a
 * static assertion keeps the two equal.
 */
#ifndef EC_STATUS_H
#define EC_STATUS_H

#include <stdint.h>

/*   name              value  text */
#define EC_STATUS_TABLE(X)                                                        \
    X(OK,                  0, "done")                                             \
    X(NO_MEMORY,          -1, "memory could not be allocated")                    \
    X(BAD_ARGUMENT,       -2, "an argument is out of range")                      \
    X(BAD_SETTING,        -3, "a setting is not understood")                      \
    X(BAD_STREAM,         -4, "the input stream does not fit this stage")         \
    X(POOL_EMPTY,         -5, "no free slot in the pool")                         \
    X(STALE_REFERENCE,    -6, "a packet reference was used after its release")    \
    X(EDGE_FULL,          -7, "a full edge with policy fail")                     \
    X(TIMEOUT,            -8, "the time allowed has passed")                      \
    X(CLOSED,             -9, "the other side is closed")                         \
    X(END_OF_DATA,       -10, "the source has no more frames")                    \
    X(BAD_STATUS_WORD,   -11, "a status word does not begin with 1100")           \
    X(DEVICE_IO,         -12, "the device did not answer a transfer")             \
    X(NO_DRDY,           -13, "the data-ready line is silent")                    \
    X(STAGE_FAILED,      -14, "a stage reported a failure of its own")            \
    X(SYSTEM,            -15, "a system call failed")                             \
    X(ABI_MISMATCH,      -16, "built for another version of the stage ABI")       \
    X(STOPPED,           -17, "the run is being stopped")                         \
    X(BAD_DEVICE,        -18, "the device is not the one expected")               \
    X(DEVICE_GONE,       -19, "the device has vanished")                          \
    X(WRONG_RATE,        -20, "the data-ready line runs at a wrong rate")

#define EC_STATUS_ENUM(name, value, text) EC_STATUS_##name = (value),
typedef enum ec_status { EC_STATUS_TABLE(EC_STATUS_ENUM) EC_STATUS_END } ec_status;
#undef EC_STATUS_ENUM

const char *ec_status_name(int32_t status);   /* "POOL_EMPTY"; "UNKNOWN" for others. [any-thread] */
const char *ec_status_text(int32_t status);   /* the sentence above. [any-thread] */

#endif
