"""Run by test_bombs.py in a process of its own: every bomb, with the time and the memory it took to refuse it.

Prints one JSON object per bomb: name, code, seconds of processor time, bytes the peak of the process rose.
"""

from __future__ import annotations

import gc
import json
import re
import time
from collections.abc import Iterator
from pathlib import Path

from eegcore.control.controller import Controller
from eegcore.errors import EegcoreError
from eegcore.server.answers import Refusal
from eegcore.server.routes import parse_json

STAGES = [{"acquire": {"board": "emulator", "sps": 250}}, {"to_voltage": {}}, {"notch": {"hz": 60}}, {"null_sink": {}}]
BODY_BYTES = 256 * 1024
YAML_BYTES = 1 << 20


def operations(*given: dict[str, object]) -> str:
    return json.dumps(list(given))


def add(path: str, value: object) -> dict[str, object]:
    return {"op": "add", "path": path, "value": value}


def copy(source: str, path: str) -> dict[str, object]:
    return {"op": "copy", "from": source, "path": path}


def patch_bombs() -> Iterator[tuple[str, str]]:
    """Yield names and bodies, each at most as long as a body may be."""
    seed = add("/stages/notch/seed", list(range(50)))
    yield "copy into itself, doubling", operations(seed, *[copy("/stages/notch/seed", "/stages/notch/seed/-")] * 255)
    yield "copy of the whole document", operations(*[copy("", f"/stages/x{n}") for n in range(256)])
    yield "copy of a long text", operations(add("/t", "x" * 240_000), *[copy("/t", f"/t{n}") for n in range(200)])
    churn = [{"op": "remove", "path": "/b"}, copy("/a", "/b")]
    yield "copy and remove in turn", operations(add("/a", list(range(4500))), copy("/a", "/b"), *churn * 120)
    yield "move to and fro", operations(add("/a", list(range(4500))), *[
        {"op": "move", "from": "/a" if n % 2 == 0 else "/b", "path": "/b" if n % 2 == 0 else "/a"} for n in range(255)])
    yield "brackets", "[" * BODY_BYTES
    yield "objects", '[{"op":"add","path":"/a","value":' + '{"a":' * 40_000 + "1" + "}" * 40_000 + "}]"
    yield "deeper with every copy", operations(add("/a", [[[[[[[[1]]]]]]]]), *[
        copy("/a", "/a" + "/0" * (8 * n + 7) + "/-") for n in range(1, 20)])
    yield "a value of 40 levels", '[{"op":"add","path":"/a","value":' + "[" * 40 + "]" * 40 + "}]"
    yield "a long path", operations(add("/a" * 100_000, 1))
    yield "a huge index", operations(add("/stages/notch/inputs/" + "9" * 200_000, 1))
    yield "an index of 15 digits", operations(add("/stages/notch/inputs/999999999999999", 1))
    yield "a number of 250 000 digits", '[{"op":"add","path":"/a","value":' + "7" * 250_000 + "}]"
    yield "a number of 4000 digits", '[{"op":"add","path":"/a","value":' + "7" * 4000 + "}]"
    yield "an exponent of a thousand million", '[{"op":"add","path":"/stages/notch/hz","value":1e1000000000}]'
    yield "257 operations", operations(*[add("/name", "x")] * 257)
    yield "5000 operations", operations(*[add("/a", 1)] * 5000)
    yield "a list of 80 000 lists", '[{"op":"add","path":"/a","value":[' + "[]," * 80_000 + "1]}]"
    yield "an object of 30 000 keys", '[{"op":"add","path":"/a","value":{' + ",".join(
        f'"{n}":1' for n in range(25_000)) + "}}]"
    yield "many values in many operations", operations(*[add(f"/a{n}", list(range(150))) for n in range(256)])
    yield "4000 stages of no type", operations(add("/stages", {f"s{n}": {"type": "x"} for n in range(4000)}))
    yield "1500 stages", operations(add("/stages", {f"s{n}": {"type": "notch"} for n in range(1500)}))
    yield "tests of a long list", operations(add("/a", list(range(4000))), *[
        {"op": "test", "path": "/a", "value": list(range(20))}] * 200)
    yield "keys that clash", operations(*[add("/stages/" + "\u0000" * n, {}) for n in range(200)])


def yaml_bombs() -> Iterator[tuple[str, str]]:
    """Yield names and documents of at most a megabyte."""
    laughs = "a0: &a0 [x,x,x,x,x,x,x,x,x]\n" + "".join(
        f"a{n}: &a{n} [{','.join([f'*a{n - 1}'] * 9)}]\n" for n in range(1, 40))
    yield "a billion laughs", laughs
    yield "a quadratic blow-up", "a: &a " + "x" * 500_000 + "\nb: [" + "*a," * 900 + "]\n"
    yield "brackets", "[" * YAML_BYTES
    yield "open mappings", "{a: " * (YAML_BYTES // 4)
    yield "indentation", "".join(" " * n + "a:\n" for n in range(1400))
    yield "a million lists", "[" + "[]," * (YAML_BYTES // 3 - 2) + "]"
    yield "a million keys", "\n".join(f"k{n}: 1" for n in range(100_000))[:YAML_BYTES]
    yield "200 000 anchors", "\n".join(f"- &a{n} 1" for n in range(80_000))[:YAML_BYTES]
    yield "a million digits", "version: " + "9" * (YAML_BYTES - 10)
    yield "a long exponent", "version: 1e" + "9" * 60
    yield "2000 aliases", "a: &a 1\nb: [" + "*a," * 2000 + "]"
    yield "an alias of itself", "a: &a [*a]"
    yield "a long line of no YAML", "\t" * YAML_BYTES
    yield "a tag that makes something", "!!python/object/apply:os.system ['true']"
    yield "more than a megabyte", "#" * (YAML_BYTES + 1)
    yield "10 000 stages", "stages:\n" + "- notch: {}\n" * 10_000
    yield "a wide text", "name: \"" + "\U0001f600" * 200_000 + "\""


def measured(call, *arguments: object) -> tuple[str, float, int]:
    """Return the word of the refusal (empty if there was none), seconds, and bytes."""
    gc.collect()
    Path("/proc/self/clear_refs").write_text("5")        # the peak begins anew (proc(5))
    before = status_bytes("VmRSS")
    begun = time.process_time()
    code = ""
    try:
        call(*arguments)
    except (EegcoreError, Refusal) as error:
        code = error.code
    return code, time.process_time() - begun, status_bytes("VmHWM") - before


def status_bytes(name: str) -> int:
    found = re.search(rf"{name}:\s+(\d+) kB", Path("/proc/self/status").read_text())
    assert found is not None
    return int(found[1]) * 1024


def main() -> None:
    controller = Controller(STAGES)
    before = controller.revision()
    measured(lambda: controller.patch(parse_json(operations(add("/a", 1)))))        # imports
    for kind, bombs, call in (("patch", patch_bombs(), lambda text: controller.patch(parse_json(text))),
                              ("yaml", yaml_bombs(), lambda text: Controller(text))):
        for name, text in bombs:
            code, seconds, peak = measured(call, text)
            untouched = controller.revision() == before
            print(json.dumps({"kind": kind, "name": name, "bytes": len(text.encode()), "code": code,
                              "seconds": seconds, "peak": peak, "untouched": untouched}), flush=True)


if __name__ == "__main__":
    main()
