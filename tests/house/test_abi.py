"""The public C header: compiles by itself in C and C++, and its layout is a promise."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest
from source import ROOT

HERE = Path(__file__).parent
INCLUDE = ROOT / "csrc" / "include"
LANGUAGES = {"c11": ["gcc", "-std=c11", "-xc"], "c23": ["gcc", "-std=c2x", "-xc"],
             "c++17": ["g++", "-std=c++17", "-xc++"], "c++20": ["g++", "-std=c++20", "-xc++"]}
STRICT = ["-Wall", "-Wextra", "-Wpedantic", "-Wconversion", "-Wshadow", "-Werror"]

PLUGIN = """
#include "eegcore/plugin.h"
static void *create(const char *settings_json, const char **why) { (void)why; return (void *)settings_json; }
static int32_t process(void *self, const eegcore_block *in, uint32_t n_in, eegcore_block *out, uint32_t n_out)
{
    (void)self; (void)n_in; (void)n_out;
    for (uint32_t i = 0; i < in->n_frames * in->n_channels; i++) out->values[i] = 2.0f * in->values[i];
    return EEGCORE_OK;
}
static StageDescriptor twice;
static const StageDescriptor *const stages[] = {&twice};
static eegcore_stage_table table;
const eegcore_stage_table *register_stage(void)
{
    twice.struct_size = (uint32_t)sizeof twice;
    twice.id = "com.example.twice";
    twice.max_inputs = twice.max_outputs = 1;
    twice.create = create;
    twice.process = process;
    table.struct_size = (uint32_t)sizeof table;
    table.abi_major = EEGCORE_ABI_MAJOR;
    table.n_stages = 1;
    table.stages = stages;
    return &table;
}
"""


def compile_text(language: str, text: str, *flags: str) -> subprocess.CompletedProcess[str]:
    command = [*LANGUAGES[language], *STRICT, f"-I{INCLUDE}", f"-I{HERE}", *flags, "-"]
    return subprocess.run(command, input=text, capture_output=True, text=True)


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("text", ['#include "eegcore/plugin.h"\n#include "eegcore/plugin.h"\n',
                                  '#include "abi_layout.h"\n'], ids=["alone", "layout"])
def test_the_header_compiles_by_itself_and_keeps_its_layout(language, text):
    done = compile_text(language, text, "-fsyntax-only")
    assert done.returncode == 0, done.stderr


def test_a_changed_layout_is_caught(tmp_path):
    header = (INCLUDE / "eegcore/plugin.h").read_text()
    (tmp_path / "eegcore").mkdir()
    (tmp_path / "eegcore/plugin.h").write_text(header.replace("    uint32_t flags;  ", "    uint64_t flags;  ", 1))
    command = ["gcc", "-std=c11", "-xc", f"-I{tmp_path}", f"-I{HERE}", "-fsyntax-only", "-"]
    done = subprocess.run(command, input='#include "abi_layout.h"\n', capture_output=True, text=True)
    assert done.returncode != 0
    assert "offsetof(eegcore_block, n_frames)" in done.stderr


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_plugin_compiles_and_exports_one_symbol(language, tmp_path):
    out = tmp_path / "twice.so"
    done = compile_text(language, PLUGIN, "-shared", "-fPIC", "-fvisibility=default", "-o", str(out))
    assert done.returncode == 0, done.stderr
    symbols = subprocess.run(["nm", "-D", "--defined-only", str(out)], capture_output=True, text=True, check=True)
    assert [line.split()[-1] for line in symbols.stdout.splitlines()] == ["register_stage"]


OLD_STAGE = """
#include "graph/ec_node.h"
int main(void)
{
    StageDescriptor stage;
    memset(&stage, 0xFF, sizeof stage);                     /* behind a shorter table lies anything */
    stage.struct_size = SIZE;
    return ec_stage_has_room(&stage) + 2 * ec_stage_has_end_input(&stage) + 4 * ec_stage_has_counters(&stage)
           + 8 * ec_stage_has_take_over(&stage);
}
"""


@pytest.mark.parametrize(("size", "has"), [("96", 0), ("104", 1), ("112", 3), ("120", 7), ("sizeof stage", 15)])
def test_a_stage_is_not_asked_for_what_came_after_its_revision(size, has, tmp_path):
    out = tmp_path / "old"
    command = ["gcc", "-std=gnu11", "-xc", f"-I{ROOT / 'csrc'}", "-include", "string.h", "-o", str(out), "-"]
    done = subprocess.run(command, input=OLD_STAGE.replace("SIZE", size), capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert subprocess.run([str(out)]).returncode == has


def test_the_extension_exports_its_init_function_only():
    from eegcore import _rt

    assert _rt.__file__ is not None
    symbols = subprocess.run(["nm", "-D", "--defined-only", _rt.__file__], capture_output=True, text=True, check=True)
    assert [line.split()[-1] for line in symbols.stdout.splitlines()] == ["PyInit__rt"]


def test_the_extension_is_bound_when_it_is_loaded():
    from eegcore import _rt

    assert _rt.__file__ is not None
    dynamic = subprocess.run(["readelf", "-d", _rt.__file__], capture_output=True, text=True, check=True).stdout
    assert "NOW" in dynamic                             # else the first call of a section would run the linker


def test_get_include_is_where_the_header_is():
    import eegcore

    assert (Path(eegcore.get_include()) / "eegcore" / "plugin.h").is_file()
