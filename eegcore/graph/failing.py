"""What stopped a run, in words: from the record that a thread of the core left to the error a user reads."""

from __future__ import annotations

from typing import TYPE_CHECKING

from eegcore import _rt
from eegcore.errors import EdgeOverflow, EegcoreError, PoolEmpty, StageError, from_status

if TYPE_CHECKING:
    from eegcore.graph.build import Built

EDGE_FULL, POOL_EMPTY = -7, -5                         # csrc/base/ec_status.h


def failure_of(built: Built) -> EegcoreError | None:
    """Return the failure that stopped a graph, None if there is none."""
    found = built.graph.failure
    if found is None:
        return None
    status, node, edge, frame_index = found
    stage = built.node_names.get(node, f"node {node}")
    if status == EDGE_FULL and edge is not None:
        name = edge_name(built, edge)
        return EdgeOverflow(f"edge {name.replace('->', ' -> ')}: full at frame {frame_index} (policy fail, "
                            f"critical). '{stage}' could not hand its packet over and the run was stopped. "
                            "Make the reader faster, or queue larger.", stage=stage, edge=name, frame_index=frame_index)
    if status == POOL_EMPTY:
        return PoolEmpty(f"{stage}: no free slot at frame {frame_index}. Pools are computed from the plan, so a "
                         "reader keeps packets. Release taps' packets.", stage=stage, frame_index=frame_index)
    cause = from_status(status, stage)
    if stage in built.sources:
        return _rt.device_error(built.graph, built.sources[stage], status, stage) or cause
    return StageError(f"{stage}: failed at frame {frame_index} ({cause}). The run was stopped.", stage=stage,
                      frame_index=frame_index)


def edge_name(built: Built, number: int) -> str:
    """Return the name of an edge of the core."""
    return next((name for name, found in built.edges.items() if found == number), f"tap {number}")
