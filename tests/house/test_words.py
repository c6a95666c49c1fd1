"""One idea, one word: names that mean something else here, or nothing, do not appear in identifiers."""

from __future__ import annotations

import functools
import io
import keyword
import re
import tokenize
from collections.abc import Iterator
from pathlib import Path

from source import files, name_of

# word: what to say instead
PARTS = {
    "chunk": "packet", "chunks": "packets", "srate": "sps", "sfreq": "sps", "samplerate": "sps", "fs": "sps",
    "timestamp": "t_ns", "timestamps": "t_ns", "ts": "t_ns", "downsample": "decimate", "downsampled": "decimated",
    "biquad": "sos", "biquads": "sos", "interleaved": "frame-major", "multiplexed": "frame-major", "irq": "drdy",
    "amplification": "gain", "lag": "overrun or stall", "lagging": "overrun or stall", "impl": "what it holds",
    "todo": "the name of what is missing",
}
PHRASES = {
    "sample_rate": "sps", "sampling_rate": "sps", "l_freq": "low_hz",
    "h_freq": "high_hz", "electrode_label": "label", "contact_quality": "impedance_kohm", "adc_value": "counts",
    "montage_layout": "montage",
}
ALLOWED = {"fs_hz"}                                     # formulas inside dsp
FOREIGN = ("tests/bench", "eegcore/bench",              # peers are measured in their own words
           "tests/vm/module")                           # the kernel is spoken to in its own


def identifiers_of_python(text: str) -> Iterator[tuple[int, str]]:
    tokens = list(tokenize.generate_tokens(io.StringIO(text).readline))
    for i, token in enumerate(tokens):
        if token.type != tokenize.NAME or keyword.iskeyword(token.string):
            continue
        is_foreign_keyword = i + 1 < len(tokens) and tokens[i + 1].string == "=" and tokens[i + 1].start == token.end \
            and tokens[i + 1].end == tokens[i + 2].start    # fs=... in a call of scipy
        if not is_foreign_keyword:
            yield token.start[0], token.string


def identifiers_of_others(text: str) -> Iterator[tuple[int, str]]:
    def blank(found: re.Match[str]) -> str:
        return re.sub(r"[^\n]", " ", found[0])

    text = re.sub(r'"""[\s\S]*?"""|/\*[\s\S]*?\*/|//[^\n]*|(?<![\w&])#(?!\s*(?:include|define|if|endif))[^\n]*'
                  r"|\"(?:\\.|[^\"\\\n])*\"|'(?:\\.|[^'\\\n])*'|`(?:\\.|[^`\\])*`", blank, text)
    for number, line in enumerate(text.splitlines(), 1):
        yield from ((number, word) for word in re.findall(r"[A-Za-z_]\w*", line))


def identifiers(path: Path) -> Iterator[tuple[int, str]]:
    text = path.read_text(encoding="utf-8")
    if not any(instead(word) for word in set(re.findall(r"[A-Za-z_]\w*", text))):
        return iter(())                                 # most files: nothing to tell from strings and comments
    return identifiers_of_python(text) if path.suffix in (".py", ".pyi") else identifiers_of_others(text)


@functools.cache
def instead(word: str) -> str | None:
    snake = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", word).lower()
    if snake in ALLOWED:
        return None
    for phrase, better in PHRASES.items():
        if re.search(rf"(^|_){phrase}", snake):
            return better
    return next((PARTS[part] for part in snake.split("_") if part in PARTS), None)


def test_identifiers_use_the_words_of_the_field():
    wrong = []
    for path in files(".py", ".pyi", ".pyx", ".pxi", ".pxd", ".c", ".h", ".js", ".mjs",
                      rooms=("eegcore", "csrc", "pyx", "tests"), top=False):
        if name_of(path).startswith(FOREIGN):
            continue
        wrong += [f"{name_of(path)}:{line}: {word}: say {better}" for line, word in identifiers(path)
                  if (better := instead(word)) is not None]
    assert wrong == []


def test_settings_and_keys_of_presets_use_the_words_of_the_field():
    from eegcore.stages import catalogue

    keys = [key for stage in catalogue().values() for key in (stage.name, *stage.Settings.model_fields)]
    assert [key for key in keys if instead(key) or key in ("on", "off", "yes", "no")] == []
    assert all(re.fullmatch(r"[a-z][a-z0-9_]*", key) for key in keys)


def test_the_words_are_found():
    assert instead("n_chunks") == "packets"
    assert instead("sampleRateHz") == "sps"
    assert instead("sample_count") is None
    assert list(identifiers_of_python("f(fs=2)\nfs = 3\n")) == [(1, "f"), (2, "fs")]
    assert [word for _, word in identifiers_of_others('/* chunk */ int n; // ts\nchar *s = "fs";')] \
        == ["int", "n", "char", "s"]
