"""Mutants of the lock-free headers: every memory order one step weaker, and a few forgotten steps.

A mutant is one edit of one production header. It is killed when a scenario of the model checker fails on
the edited copy. A mutant that cannot be told from the original is listed in `EQUIVALENT` with its proof;
if a scenario kills it after all, the proof was wrong and the test fails too.
"""

from __future__ import annotations

import re
import shutil
import subprocess
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from build_c import CSRC, MODEL, compile_scenario

# Header -> scenario files that can see it, the cheapest killer first.
SCENARIOS = {
    "ring/ec_ring.h": ["ring"],
    "ring/ec_drop_ring.h": ["drop_ring"],
    "ring/ec_mpsc.h": ["mpsc"],
    "ring/ec_doorbell.h": ["doorbell", "pool_wait"],
    "packet/ec_pool.h": ["pool", "handover", "pool_wait"],
    "ring/ec_edge.h": ["edge"],
    "graph/ec_change.h": ["change"],
    "graph/ec_schedule.h": ["rewire"],
    "device/ec_time_points.h": ["time_points"],
}
RMW, LOAD, STORE = "rmw", "load", "store"
# One step down; where two halves can be lost, each is lost alone.
WEAKER = {
    (RMW, "seq_cst"): ["acq_rel", "release", "acquire"],
    (RMW, "acq_rel"): ["acquire", "release"],
    (LOAD, "seq_cst"): ["acquire"],
    (STORE, "seq_cst"): ["release"],
    (RMW, "acquire"): ["relaxed"],
    (RMW, "release"): ["relaxed"],
    (LOAD, "acquire"): ["relaxed"],
    (STORE, "release"): ["relaxed"],
}
CALL = re.compile(r"\bEC_(LOAD|STORE|FETCH_ADD|FETCH_SUB|CAS)\(")
FUNCTION = re.compile(r"^static inline [^;{]*?\b(\w+)\([^;{]*\)\s*\{", re.MULTILINE)


@dataclass(frozen=True)
class Mutant:
    """A production header with some of its text replaced: `edits` are (position, old, new)."""

    name: str
    header: str
    edits: tuple[tuple[int, str, str], ...]

    def apply(self, text: str) -> str:
        """Return the header's text with the edits."""
        for position, old, new in sorted(self.edits, reverse=True):
            assert text.startswith(old, position), f"{self.name}: the header has changed under the mutator"
            text = text[:position] + new + text[position + len(old):]
        return text


def calls(text: str) -> Iterator[tuple[str, str, list[tuple[int, str]]]]:
    """Yield (function, macro, arguments with their positions) of every EC_ call in a header."""
    functions = [(m.start(), m.group(1)) for m in FUNCTION.finditer(text)]
    for match in CALL.finditer(text):
        if text.rfind("\n", 0, match.start()) < text.rfind("#define", 0, match.start()):
            continue
        depth, start, arguments = 0, match.end(), []
        for i in range(match.end(), len(text)):
            if text[i] in "([":
                depth += 1
            elif text[i] == "," and depth == 0:
                arguments.append((start, text[start:i]))
                start = i + 1
            elif text[i] in ")]":
                if depth == 0:
                    arguments.append((start, text[start:i]))
                    break
                depth -= 1
        inside = [name for begin, name in functions if begin < match.start()]
        yield inside[-1] if inside else "?", match.group(1), arguments


def order_mutants(header: str) -> Iterator[Mutant]:
    """Every memory order of a header one step weaker, named function.macro.place:old>new."""
    text = (CSRC / header).read_text()
    seen: dict[str, int] = {}
    for function, macro, arguments in calls(text):
        n = seen[f"{function}.{macro}"] = seen.get(f"{function}.{macro}", 0) + 1
        places = [("success", RMW, -2), ("failure", LOAD, -1)] if macro == "CAS" else [
            ("order", {"LOAD": LOAD, "STORE": STORE}.get(macro, RMW), -1)]
        for place, kind, index in places:
            begin, argument = arguments[index]
            old = argument.strip()
            assert old in ("relaxed", "acquire", "release", "acq_rel", "seq_cst"), f"{header}: order {old!r}"
            for new in WEAKER.get((kind, old), []):
                edit = (begin + argument.index(old), old, new)
                yield Mutant(f"{function}.{macro}{n}.{place}:{old}>{new}", header, (edit,))


POP_TAG = (
    "EC_CAS(&p->free_head, &head, tag << 32 | next, acquire, acquire)",
    "EC_CAS(&p->free_head, &head, ((tag - 1) << 32) | next, acquire, acquire)",
)
PUSH_TAG = (
    "EC_CAS(&p->free_head, &head, tag << 32 | (slot + 1), release, relaxed)",
    "EC_CAS(&p->free_head, &head, ((tag - 1) << 32) | (slot + 1), release, relaxed)",
)
# Forgotten steps: (name, header, old text, new text, old, new...). Each old text occurs once.
STEPS: list[tuple[str, ...]] = [
    ("ring full test off by one", "ring/ec_ring.h",
     "if (head - r->tail_seen == r->capacity) {\n            return false;",
     "if (head - r->tail_seen == r->capacity + 1) {\n            return false;"),
    ("ring one slot fewer", "ring/ec_ring.h",
     "if (head - r->tail_seen == r->capacity) {\n            return false;",
     "if (head - r->tail_seen >= r->capacity - 1) {\n            return false;"),
    ("ring head before its word", "ring/ec_ring.h",
     "    EC_STORE(&r->slots[head & r->mask], slot, relaxed);                         /* published by A */\n"
     "    EC_STORE(&r->head, head + 1, release); ",
     "    EC_STORE(&r->head, head + 1, release);\n    EC_STORE(&r->slots[head & r->mask], slot, relaxed); "),
    ("drop ring evicts without asking", "ring/ec_drop_ring.h",
     "dropped = EC_CAS(&r->tail, &tail, tail + 1, release, acquire);",
     "EC_STORE(&r->tail, tail + 1, release); dropped = true;"),
    ("drop ring pops without asking", "ring/ec_drop_ring.h",
     "if (EC_CAS(&r->tail, &tail, tail + 1, release, acquire)) {              /* B; failure is C */",
     "EC_STORE(&r->tail, tail + 1, release); if (true) {"),
    ("drop ring pops the word after the tail moved", "ring/ec_drop_ring.h",
     "            *slot = word;", "            *slot = EC_LOAD(&r->slots[(tail) & r->mask], relaxed);"),
    ("drop ring full test off by one", "ring/ec_drop_ring.h",
     "if (head - tail == r->capacity) {", "if (head - tail == r->capacity + 1) {"),
    ("mpsc full test off by one", "ring/ec_mpsc.h",
     "EC_STORE(&cell->seq, q->tail + q->capacity, release);", "EC_STORE(&cell->seq, q->tail + 1, release);"),
    ("mpsc publishes before the copy", "ring/ec_mpsc.h",
     "                cell->record = *record;\n                EC_STORE(&cell->seq, ticket + 1, release); ",
     "                EC_STORE(&cell->seq, ticket + 1, release);\n                cell->record = *record;"),
    ("mpsc frees before the copy", "ring/ec_mpsc.h",
     "    *record = cell->record;\n    EC_STORE(&cell->seq, q->tail + q->capacity, release); ",
     "    EC_STORE(&cell->seq, q->tail + q->capacity, release);\n    *record = cell->record; "),
    ("mpsc refusal not counted", "ring/ec_mpsc.h",
     "            EC_FETCH_ADD(&q->refused, 1, relaxed);\n", ""),
    ("doorbell skips the recheck", "ring/ec_doorbell.h",
     "if (EC_LOAD(&d->rung, seq_cst) != seen) {", "if (false && seen) {"),
    ("doorbell announces after the recheck", "ring/ec_doorbell.h",
     "    EC_FETCH_ADD(&d->waiting, 1, seq_cst);                                      /* S */\n"
     "    if (EC_LOAD(&d->rung, seq_cst) != seen) {                                   /* S */\n"
     "        EC_FETCH_SUB(&d->waiting, 1, relaxed);\n        return false;\n    }\n",
     "    if (EC_LOAD(&d->rung, seq_cst) != seen) {\n        return false;\n    }\n"
     "    EC_FETCH_ADD(&d->waiting, 1, seq_cst);\n"),
    ("doorbell asks before it counts", "ring/ec_doorbell.h",
     "    EC_FETCH_ADD(&d->rung, 1, seq_cst);                                         /* S, P */\n"
     "    if (EC_LOAD(&d->waiting, seq_cst)) {                                        /* S */\n",
     "    uint32_t waiting = EC_LOAD(&d->waiting, seq_cst);\n    EC_FETCH_ADD(&d->rung, 1, seq_cst);\n"
     "    if (waiting) {\n"),
    ("doorbell always calls", "ring/ec_doorbell.h",
     "if (EC_LOAD(&d->waiting, seq_cst)) { ", "if (true) { "),
    ("doorbell's waiting is a flag", "ring/ec_doorbell.h",
     "        EC_FETCH_SUB(&d->waiting, 1, relaxed);\n        return false;",
     "        EC_STORE(&d->waiting, 0, relaxed);\n        return false;"),
    ("doorbell stays announced", "ring/ec_doorbell.h",
     "        EC_FETCH_SUB(&d->waiting, 1, relaxed);\n        return false;", "        return false;"),
    ("doorbell disarms twice", "ring/ec_doorbell.h",
     "        d->armed = false;\n", ""),
    ("edge ends without ringing", "ring/ec_edge.h",
     "    EC_STORE(&e->ended, 1, release);                                            /* E */\n"
     "    ec_doorbell_ring(e->bell);\n",
     "    EC_STORE(&e->ended, 1, release);\n"),
    ("edge closes without waking the producer", "ring/ec_edge.h",
     "    ec_doorbell_ring(&e->space);\n", ""),
    ("inbox publishes before the record is whole", "graph/ec_change.h",
     "    EC_STORE(&change->state, EC_CHANGE_WAITING, relaxed);                       /* published by J */\n"
     "    EC_STORE(&change->next, NULL, relaxed);                                     /* published by J */\n"
     "    EC_STORE(&q->last->next, change, release);  ",
     "    EC_STORE(&q->last->next, change, release);\n    EC_STORE(&change->state, EC_CHANGE_WAITING, relaxed);\n"
     "    EC_STORE(&change->next, NULL, relaxed);  "),
    ("inbox gives a record up that still fades", "graph/ec_change.h",
     "if (change == q->last || ec_change_state_of(change) != EC_CHANGE_DONE) {", "if (change == q->last) {"),
    ("inbox gives a record up while it is looked at", "graph/ec_change.h",
     "if (ec_change_state_of(q->first) == EC_CHANGE_WAITING) {", "if (false) {"),
    ("pool forgets the tag in pop", "packet/ec_pool.h", *POP_TAG),
    ("pool forgets the tag in push", "packet/ec_pool.h", *PUSH_TAG),
    ("pool forgets the tag", "packet/ec_pool.h", *POP_TAG, *PUSH_TAG),
    ("pool forgets the generation", "packet/ec_pool.h",
     "    const uint32_t generation = (uint32_t)(state >> 32) + 1;\n",
     "    const uint32_t generation = (uint32_t)(state >> 32);\n"),
    ("pool uses generation 0", "packet/ec_pool.h",
     "(uint64_t)(generation != 0 ? generation : 1) << 32", "(uint64_t)generation << 32"),
    ("pool frees at the last but one", "packet/ec_pool.h",
     "left = (uint32_t)state == 1 ?", "left = (uint32_t)state <= 2 ?"),
    ("pool releases without asking", "packet/ec_pool.h",
     "} while (!EC_CAS(&p->state[slot], &state, left, acq_rel, relaxed));         /* B, both sides */",
     "} while (EC_STORE(&p->state[slot], left, release), false);"),
    ("pool retains without asking", "packet/ec_pool.h",
     "} while (!EC_CAS(&p->state[slot], &state, state + 1, relaxed, relaxed));",
     "} while (EC_STORE(&p->state[slot], state + 1, relaxed), false);"),
    ("pool is sole with two", "packet/ec_pool.h",
     "acquire) == 1;        /* B", "acquire) <= 2;        /* B"),
    ("pool gives back twice", "packet/ec_pool.h",
     "    ec_pool_free_push(p, slot);\n    ec_doorbell_ring",
     "    ec_pool_free_push(p, slot);\n    ec_pool_free_push(p, slot);\n    ec_doorbell_ring"),
    ("pool rings before it gives back", "packet/ec_pool.h",
     "    ec_pool_free_push(p, slot);\n    ec_doorbell_ring(&p->returned); ",
     "    ec_doorbell_ring(&p->returned);\n    ec_pool_free_push(p, slot); "),
    ("pool does not ring", "packet/ec_pool.h",
     "    ec_doorbell_ring(&p->returned);     ", "    "),
]

# Name -> proof that the mutant is the same program.
EQUIVALENT = {
    "ec_pool_free_pop.CAS1.success:acquire>relaxed":
        "Every write of free_head has its own tag (pair C), so a CAS that succeeds read the very message that the "
        "load before it read, or the failed CAS of the round before: both acquired it.",
    "pool forgets the tag in pop":
        "A head that a sleeping pop has read comes back only through a push of that slot, and a push alone changes "
        "the tag. Both change it so that no reader has to find this out.",
    "pool forgets the tag in push":
        "A head that a sleeping pop has read comes back only after a pop of that slot, and a pop alone changes the "
        "tag.",
}


def step_mutants() -> Iterator[Mutant]:
    """The forgotten steps as edits."""
    for name, header, *texts in STEPS:
        text = (CSRC / header).read_text()
        pairs = list(zip(texts[::2], texts[1::2], strict=True))
        for old, _ in pairs:
            assert text.count(old) == 1, f"{name}: its text occurs {text.count(old)} times in {header}. Once is needed."
        yield Mutant(name, header, tuple((text.index(old), old, new) for old, new in pairs))


def all_mutants() -> list[Mutant]:
    """Every mutant, orders first."""
    return [m for header in SCENARIOS for m in order_mutants(header)] + list(step_mutants())


def killer(mutant: Mutant, folder: Path, objects: Sequence[Path], timeout_s: float = 120.0) -> str | None:
    """Build the scenarios on a mutated copy in `folder`; return the line that killed it, None if it survived."""
    shutil.copytree(CSRC / "base", folder / "csrc" / "base")
    shutil.copytree(CSRC / "ring", folder / "csrc" / "ring")
    shutil.copytree(CSRC / "packet", folder / "csrc" / "packet")
    shutil.copytree(CSRC / "graph", folder / "csrc" / "graph")
    shutil.copytree(CSRC / "device", folder / "csrc" / "device")
    model = folder / "tests" / "concurrency" / "model"
    model.mkdir(parents=True)
    header = folder / "csrc" / mutant.header
    header.write_text(mutant.apply(header.read_text()))
    for name in SCENARIOS[mutant.header]:
        for source in MODEL.glob("*"):
            if source.stem in (name, "pool_world"):
                shutil.copy(source, model)
        program = compile_scenario(name, folder, objects, folder, "-Wno-error")
        done = subprocess.run([program], capture_output=True, text=True, timeout=timeout_s)
        if done.returncode != 0:
            failed = [line for line in done.stdout.splitlines() if "FAILED" in line]
            assert failed, f"{mutant.name}: {name} ended without a verdict: {done.stdout[-2000:]}{done.stderr[-2000:]}"
            assert "checker:" not in failed[0], f"{mutant.name}: {name} broke the checker: {failed[0]}"
            return failed[0]
    return None
