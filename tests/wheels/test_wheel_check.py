"""Every rule of wheels/check.py, broken once in a small wheel."""

from __future__ import annotations

import platform
import shutil
import subprocess
import zipfile

import pytest

ARCH = platform.machine()
TAG = f"cp311-abi3-manylinux_2_28_{ARCH}"
CODE = "int PyInit__rt(void); int PyInit__rt(void) { return 0; }\n"
LINK = ("-Wl,-z,now", "-Wl,-z,max-page-size=65536")


@pytest.fixture(scope="session")
def compiled(tmp_path_factory):
    """Compile a module: ``compiled(code, *flags)`` gives its bytes."""
    if shutil.which("gcc") is None:
        pytest.skip("gcc is needed to make modules that break the rules")

    def make(code=CODE, flags=LINK):
        folder = tmp_path_factory.mktemp("module")
        subprocess.run(["gcc", "-xc", "-", "-shared", "-fPIC", "-o", "module.so", *flags], cwd=folder, input=code,
                       text=True, check=True)
        return (folder / "module.so").read_bytes()
    return make


@pytest.fixture
def wheel(tmp_path, check):
    """Pack a wheel: ``wheel(module, without=(...), extra=(...), tag=..., name=...)`` gives its path."""
    def make(module, *, without=(), extra=(), tag=TAG, name=f"eegcore-0.1.0-{TAG}.whl"):
        path = tmp_path / name
        with zipfile.ZipFile(path, "w") as archive:
            archive.writestr(check.MODULE, module)
            archive.writestr("eegcore-0.1.0.dist-info/WHEEL", f"Root-Is-Purelib: false\nTag: {tag}\n")
            for member in (*check.CARRIED, *extra):
                if member not in without:
                    archive.writestr(member, "")
        return path
    return make


def test_a_good_wheel_breaks_no_rule(check, wheel, compiled, capsys):
    path = wheel(compiled())
    assert check.broken_rules(path) == []
    assert check.main([str(path)]) == 0
    assert "every rule holds" in capsys.readouterr().out


@pytest.mark.parametrize(("code", "flags", "rule"), [
    (CODE + "int other(void); int other(void) { return 1; }", LINK, "exports PyInit__rt, other; PyInit__rt alone"),
    ("", LINK, "exports nothing"),
    (CODE, ("-Wl,-z,lazy", LINK[1]), "no BIND_NOW"),
    (CODE, (*LINK, "-Wl,-z,execstack"), "executable stack"),
    (CODE, (*LINK, "-Wl,-z,norelro"), "no RELRO segment"),
    (CODE, (*LINK, "-Wl,-rpath,/opt/lib"), "it has DT_R"),
    (CODE + "const char where[] __attribute__((visibility(\"hidden\"), used)) = \"/scratch/build\";", LINK,
     "contains '/scratch/build', a path of the machine that built it"),
], ids=["exports", "nothing", "lazy", "stack", "relro", "rpath", "path"])
def test_a_module_that_breaks_one_rule_is_told_which(check, wheel, compiled, code, flags, rule):
    found = check.broken_rules(wheel(compiled(code, flags)), check.Wanted(without=("/scratch/build",)))
    assert len(found) == 1
    assert rule in found[0]


def test_a_library_that_is_no_part_of_the_c_library_is_refused(check, wheel, compiled, tmp_path):
    (tmp_path / "libextra.so").write_bytes(compiled("int extra(void) { return 1; }", ("-Wl,-soname,libextra.so.3",)))
    module = compiled(CODE + "int extra(void); static int (*used)(void) __attribute__((used)) = extra;",
                      (*LINK, f"-L{tmp_path}", "-lextra"))
    assert check.broken_rules(wheel(module)) == ["it needs libextra.so.3, which is no part of the C library"]


def test_a_newer_glibc_than_allowed_is_refused(check, wheel, compiled):
    code = "#include <stdlib.h>\nint PyInit__rt(void); int PyInit__rt(void) { return abs(rand()); }\n"
    found = check.broken_rules(wheel(compiled(code)), check.Wanted(glibc=(2, 1)))
    assert found
    assert all("libc.so.6; 2.1 is the newest allowed" in rule for rule in found)


@pytest.mark.parametrize(("packing", "rule"), [
    ({"without": ("eegcore/include/eegcore/plugin.h",)}, "eegcore/include/eegcore/plugin.h is missing"),
    ({"extra": ("eegcore/_rt.c",)}, "eegcore/_rt.c does not belong in it"),
    ({"extra": ("tests/conftest.py",)}, "tests/conftest.py does not belong in it"),
    ({"extra": ("eegcore.libs/libz-1.so.1.2",)}, "eegcore/_rt.abi3.so alone belongs there"),
    ({"tag": f"cp311-abi3-linux_{ARCH}"}, "are not those of the file name"),
    ({"name": f"eegcore-0.1.0-cp311-cp311-manylinux_2_28_{ARCH}.whl"}, "is no cp311-abi3 manylinux wheel"),
    ({"name": f"eegcore-0.1.0-cp311-abi3-linux_{ARCH}.whl"}, "is no cp311-abi3 manylinux wheel"),
], ids=["header", "source", "tests", "library", "tag", "version", "linux"])
def test_an_archive_that_breaks_a_rule_is_told_which(check, wheel, compiled, packing, rule, capsys):
    path = wheel(compiled(), **packing)
    assert rule in check.broken_rules(path)[0]
    assert check.main([str(path)]) == 1
    assert rule in capsys.readouterr().err


def test_a_module_of_another_architecture_is_refused(check, wheel, compiled):
    other = "aarch64" if ARCH == "x86_64" else "x86_64"
    tag = TAG.replace(ARCH, other)
    found = check.broken_rules(wheel(compiled(), tag=tag, name=f"eegcore-0.1.0-{tag}.whl"))
    assert f"the file name says {other}" in found[0]


def test_a_segment_for_small_pages_only_is_refused_on_arm(check, wheel, compiled):
    tag = "cp311-abi3-manylinux_2_28_aarch64"
    module = compiled(CODE, ("-Wl,-z,now", "-Wl,-z,max-page-size=4096"))
    found = check.broken_rules(wheel(module, tag=tag, name=f"eegcore-0.1.0-{tag}.whl"))
    assert any("aligned to 0x1000; 0x10000 is needed" in rule for rule in found)
