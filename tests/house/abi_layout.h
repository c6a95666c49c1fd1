/* abi_layout.h - the layout of revisions 1.0 to 1.2 of eegcore/plugin.h on 64-bit machines, as assertions of the compiler.
 *
 * A plugin built for it must keep loading: fields are only appended, so these
 * lines are never changed, only added to.
 */
#include <stddef.h>

#include "eegcore/plugin.h"

#ifdef __cplusplus
#define SAYS(expression) static_assert(expression, #expression)
#else
#define SAYS(expression) _Static_assert(expression, #expression)
#endif
#define AT(type, field, offset) SAYS(offsetof(type, field) == (offset))

SAYS(EEGCORE_ABI_MAJOR == 1);
SAYS(EEGCORE_MAX_CHANNELS == 64 * EEGCORE_MASK_WORDS);

SAYS(EEGCORE_RAW_I32 == 1 && EEGCORE_VOLTAGE_F32 == 2 && EEGCORE_RAW_AND_VOLTAGE == 3 && EEGCORE_SPECTRUM_F32 == 4);
SAYS(EEGCORE_FLAG_GAP == 1 && EEGCORE_FLAG_SATURATED == 2 && EEGCORE_FLAG_LEAD_OFF == 4 && EEGCORE_FLAG_SETTLING == 8);
SAYS(EEGCORE_FLAG_IMPEDANCE == 16 && EEGCORE_FLAG_LATE_READ == 32);
SAYS(EEGCORE_OK == 0 && EEGCORE_NO_MEMORY == -1 && EEGCORE_BAD_ARGUMENT == -2 && EEGCORE_BAD_SETTING == -3);
SAYS(EEGCORE_BAD_STREAM == -4 && EEGCORE_STAGE_FAILED == -14);
SAYS(EEGCORE_STAGE_IN_PLACE == 1 && EEGCORE_STAGE_PASS == 2);

AT(eegcore_stream, struct_size, 0);
AT(eegcore_stream, kind, 4);
AT(eegcore_stream, sps, 8);
AT(eegcore_stream, n_channels, 16);
AT(eegcore_stream, n_bins, 20);
AT(eegcore_stream, max_frames, 24);
AT(eegcore_stream, step_num, 28);
AT(eegcore_stream, step_den, 32);
AT(eegcore_stream, labels, 40);
SAYS(sizeof(eegcore_stream) >= 48);

AT(eegcore_block, struct_size, 0);
AT(eegcore_block, flags, 4);
AT(eegcore_block, n_frames, 8);
AT(eegcore_block, n_channels, 12);
AT(eegcore_block, n_bins, 16);
AT(eegcore_block, max_frames, 20);
AT(eegcore_block, device_frames, 24);
AT(eegcore_block, config_rev, 28);
AT(eegcore_block, frame_index, 32);
AT(eegcore_block, t_ns, 40);
AT(eegcore_block, sps, 48);
AT(eegcore_block, saturated, 56);
AT(eegcore_block, lead_off, 88);
AT(eegcore_block, counts, 120);
AT(eegcore_block, values, 128);
AT(eegcore_block, skipped_frames, 136);
SAYS(sizeof(eegcore_block) >= 140);

AT(StageDescriptor, struct_size, 0);
AT(StageDescriptor, flags, 4);
AT(StageDescriptor, id, 8);
AT(StageDescriptor, max_inputs, 16);
AT(StageDescriptor, max_outputs, 20);
AT(StageDescriptor, describe, 24);
AT(StageDescriptor, create, 32);
AT(StageDescriptor, start, 40);
AT(StageDescriptor, process, 48);
AT(StageDescriptor, flush, 56);
AT(StageDescriptor, set, 64);
AT(StageDescriptor, is_locked, 72);
AT(StageDescriptor, stop, 80);
AT(StageDescriptor, destroy, 88);
SAYS(sizeof(StageDescriptor) >= 96);

/* revision 1.1 */
SAYS(EEGCORE_ABI_MINOR >= 1 && EEGCORE_MORE == 1 && EEGCORE_NO_INPUT == 0xFFFFFFFFu);
AT(StageDescriptor, has_room, 96);
AT(StageDescriptor, end_input, 104);
AT(StageDescriptor, counters, 112);
SAYS(sizeof(StageDescriptor) >= 120);
AT(eegcore_counter, struct_size, 0);
AT(eegcore_counter, input, 4);
AT(eegcore_counter, name, 8);
AT(eegcore_counter, value, 16);
SAYS(sizeof(eegcore_counter) >= 24);

/* revision 1.2 */
SAYS(EEGCORE_ABI_MINOR >= 2);
SAYS(EEGCORE_FLAG_FLATLINE == 256 && EEGCORE_FLAG_BLINK == 512 && EEGCORE_FLAG_MUSCLE == 1024);
AT(StageDescriptor, take_over, 120);
SAYS(sizeof(StageDescriptor) >= 128);
AT(eegcore_block, flatline, 144);
AT(eegcore_block, blink, 176);
AT(eegcore_block, muscle, 208);
SAYS(sizeof(eegcore_block) >= 240);

AT(eegcore_stage_table, struct_size, 0);
AT(eegcore_stage_table, abi_major, 4);
AT(eegcore_stage_table, abi_minor, 8);
AT(eegcore_stage_table, n_stages, 12);
AT(eegcore_stage_table, stages, 16);
SAYS(sizeof(eegcore_stage_table) >= 24);
