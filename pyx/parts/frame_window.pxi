# What stages with a memory of the last frames share: which frame comes next, which marks hold in the window, and the
# device frames a slower output still has to answer for. Resample, moving_stats and hampel stand on it.

cdef uint32_t ANY_FRAMES = 0xFFFFFFFF


cdef struct FrameWindow:
    uint32_t step_num, step_den
    bint known                 # a frame has come
    uint64_t first             # number of the first frame at hand on the grid of the input (ec_grid.h)
    uint64_t next              # number of the frame behind it
    uint64_t begin             # number of the first frame of all in the window's past
    ec_marks marks
    eegcore_block rest         # what is left of the block at hand, behind a change of marks


cdef struct Owed:
    uint64_t device_frames
    uint32_t flags             # of the moment before the next frame


cdef void window_init(FrameWindow *w, const eegcore_stream *in_, uint64_t n_frames) noexcept nogil:
    """A window of n frames on a stream. [control-thread, stopped]"""
    w.step_num, w.step_den = in_.step_num, in_.step_den
    ec_marks_init(&w.marks, n_frames)


cdef bint window_take(FrameWindow *w, const eegcore_block *in_, eegcore_block *block, uint32_t most,
                      bint *fresh) noexcept nogil:
    """Let `block` be the next frames, at most so many, over which no mark changes; False if there are none.

    `fresh` says that the window begins with them: the first frames of all, or frames are missing before. An edge
    that drops raises no flag, so the index counts too. While `w.rest` has frames, there are more. [worker-thread,
    realtime]
    """
    cdef uint64_t number, until
    memcpy(block, in_ if in_.n_frames else &w.rest, sizeof(eegcore_block))
    w.rest.n_frames = 0
    if block.n_frames == 0:
        return False
    number = block_number(block, w.next, w.step_num, w.step_den)
    fresh[0] = not w.known or block.flags & EEGCORE_FLAG_GAP != 0 or number != w.next
    if fresh[0]:
        ec_marks_clear(&w.marks)
        ec_marks_settle(&w.marks, number)
        w.begin = number
    ec_marks_take(&w.marks, block, number)
    until = min(ec_marks_until(&w.marks, number) - number, <uint64_t>most)
    if until < block.n_frames:
        block_cut(block, <uint32_t>until, &w.rest, w.step_num, w.step_den)
    w.known = True
    w.first = number
    w.next = number + block.n_frames
    return True


cdef void window_take_over(FrameWindow *w, const FrameWindow *old, uint64_t kept) noexcept nogil:
    """Go on where another window is, of whose past so many frames were kept. [worker-thread, realtime]"""
    w.known = old.known
    w.first, w.next = old.first, old.next
    w.begin = old.begin
    if old.next - old.begin > kept:
        w.begin = old.next - kept
    ec_marks_take_over(&w.marks, &old.marks)
    if w.known and w.next - w.begin < w.marks.window:
        ec_marks_settle(&w.marks, w.begin)


cdef inline void owe(Owed *owed, const eegcore_block *block, const eegcore_block *out) noexcept nogil:
    """Remember what an output answers for. While nobody reads it that is nothing: who comes later begins afresh."""
    if out.values is NULL:
        owed.device_frames = 0
        owed.flags = 0
    else:
        owed.device_frames += block.device_frames
        owed.flags |= block.flags & <uint32_t>(EEGCORE_FLAG_GAP | EEGCORE_FLAG_LATE_READ)


cdef inline void window_answer(const FrameWindow *w, Owed *owed, const eegcore_block *block,
                               eegcore_block *out) noexcept nogil:
    """Give an output that has frames its marks, and let it answer for what is owed."""
    ec_marks_write(&w.marks, out)
    out.flags |= owed.flags
    out.config_rev = block.config_rev
    out.device_frames = <uint32_t>owed.device_frames
    owed.device_frames = 0
    owed.flags = 0
