"""`_rt.pyi` is the compiled module: same names, same methods, same arguments, both ways."""

from __future__ import annotations

import ast
import inspect

from source import ROOT

from eegcore import _rt


def defined(body: list[ast.stmt]) -> dict[str, ast.stmt]:
    names: dict[str, ast.stmt] = {}
    for node in body:
        if isinstance(node, ast.FunctionDef | ast.ClassDef):
            names[node.name] = node
        elif isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name):
            names[node.target.id] = node
    return {name: node for name, node in names.items() if not name.startswith("_")}


STUBS = defined(ast.parse((ROOT / "eegcore/_rt.pyi").read_text(encoding="utf-8")).body)


def compiled(holder: object) -> dict[str, object]:
    """Public names a module or class itself defines, without what it imported."""
    found = {}
    for name, value in vars(holder).items():
        home = getattr(value, "__module__", "eegcore._rt") if holder is _rt else None
        if not name.startswith("_") and not inspect.ismodule(value) and home in (None, "eegcore._rt"):
            found[name] = value
    return found


def stub_arguments(node: ast.FunctionDef) -> list[tuple[str, str | None]]:
    arguments = node.args
    plain = [*arguments.posonlyargs, *arguments.args]
    defaults = [None] * (len(plain) - len(arguments.defaults)) + list(arguments.defaults)
    pairs = [*zip(plain, defaults, strict=True), *zip(arguments.kwonlyargs, arguments.kw_defaults, strict=True)]
    return [(argument.arg, None if default is None else repr(ast.literal_eval(default))) for argument, default in pairs]


def real_arguments(function: object) -> list[tuple[str, str | None]]:
    signature = inspect.signature(function)             # type: ignore[arg-type]
    return [(parameter.name, None if parameter.default is parameter.empty else repr(parameter.default))
            for parameter in signature.parameters.values()]


def differences(where: str, stubs: dict[str, ast.stmt], real: dict[str, object]) -> list[str]:
    wrong = [f"{where}{name}: in the module, not in _rt.pyi" for name in sorted(real.keys() - stubs.keys())]
    wrong += [f"{where}{name}: in _rt.pyi, not in the module" for name in sorted(stubs.keys() - real.keys())]
    for name in sorted(stubs.keys() & real.keys()):
        node, value = stubs[name], real[name]
        if isinstance(node, ast.ClassDef):
            wrong += differences(f"{where}{name}.", defined(node.body), compiled(value))
        elif isinstance(node, ast.FunctionDef):
            is_property = any(ast.unparse(decorator) == "property" for decorator in node.decorator_list)
            if is_property != inspect.isdatadescriptor(value):
                wrong.append(f"{where}{name}: one is a property, the other is not")
            elif not is_property and stub_arguments(node) != real_arguments(value):
                wrong.append(f"{where}{name}: _rt.pyi has {stub_arguments(node)}, the module {real_arguments(value)}")
    return wrong


def test_the_stub_says_what_the_module_holds():
    assert differences("", STUBS, compiled(_rt)) == []


def test_every_name_of_the_compiled_module_is_documented():
    silent = [name for name, value in compiled(_rt).items() if callable(value) and not value.__doc__]
    for holder in (_rt.Graph, _rt.Packet, _rt.Tap):
        silent += [f"{holder.__name__}.{name}" for name, value in compiled(holder).items()
                   if callable(value) and not value.__doc__]
    assert silent == []
