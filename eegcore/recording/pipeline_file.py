"""``pipeline.yaml`` of a session: the exact configuration that made it, to be run again.

It is written for two readers: people, and any YAML parser. Scalars of YAML 1.1 and 1.2 differ (``on``, ``1e3``,
``0o7``): whatever is not a plain word is quoted, and numbers are written so that both read the same value.
"""

from __future__ import annotations

import re
from typing import Any

import yaml

PLAIN = re.compile(r"[A-Za-z][A-Za-z0-9_./ -]*[A-Za-z0-9_]")
# words one of the two versions takes for something else
NOT_PLAIN = frozenset(["true", "false", "yes", "no", "on", "off", "null", "none", "nan", "inf", "y", "n"])


class _Dumper(yaml.SafeDumper):
    """Quotes what a parser could take for a number, a boolean or nothing."""

    def ignore_aliases(self, data: Any) -> bool:
        """Write equal parts twice: an alias is a surprise in a configuration."""
        return True


def _text(dumper: yaml.SafeDumper, value: str) -> yaml.ScalarNode:
    is_plain = PLAIN.fullmatch(value) is not None and value.lower() not in NOT_PLAIN
    return dumper.represent_scalar("tag:yaml.org,2002:str", value, style=None if is_plain else '"')


def _float(dumper: yaml.SafeDumper, value: float) -> yaml.ScalarNode:
    text = repr(value)
    if "e" in text and "." not in text:                # 1e-07 is a text in YAML 1.1
        text = text.replace("e", ".0e")
    return dumper.represent_scalar("tag:yaml.org,2002:float", text)


_Dumper.add_representer(str, _text)
_Dumper.add_representer(float, _float)


def pipeline_yaml(document: dict[str, Any], head: str) -> bytes:
    """Return a merged configuration as a pipeline file.

    Parameters
    ----------
    document : dict
        As `PipelineConfig.merged` returns it.
    head : str
        One line that says where it comes from.
    """
    body = yaml.dump(document, Dumper=_Dumper, sort_keys=False, allow_unicode=True, width=110)
    comment = "".join(character if character.isprintable() else " " for character in head)
    return f"# {comment}\n{body}".encode()
