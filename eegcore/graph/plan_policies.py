"""Keys every stage understands that only foreign stages can honour: refused rather than ignored.

Built-in stages run inline, in the thread of their group. They cannot be
restarted or isolated, and have nothing to put in place of a packet.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from eegcore.config import PipelineConfig, Problems


def refuse_foreign_policies(config: PipelineConfig, problems: Problems) -> None:
    """Add a problem for every key that a built-in stage would have to ignore."""
    for stage in config.stages:
        common = stage.common
        if common.isolation not in (None, "inline"):
            problems.add(f"{stage.path}.isolation",
                         f"{stage.type} is built in and runs inline, not {common.isolation!r}",
                         allowed="inline", hint="Remove isolation")
        if common.restart not in (None, "never") and getattr(common.restart, "strategy", "") != "never":
            problems.add(f"{stage.path}.restart", f"{stage.type} is built in and cannot be restarted by itself",
                         allowed="never", hint="Remove restart; on_error says what a failure does")
        if common.on_error == "use_default":
            problems.add(f"{stage.path}.on_error",
                         f"{stage.type} is built in and has no default to put in place of samples",
                         allowed="fatal, drain_then_stop, skip_packet", hint="Use skip_packet: the gap is counted")
