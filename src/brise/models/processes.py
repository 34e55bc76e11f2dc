"""Several processes that train one model: on one machine by `launch`, on any number of machines by torchrun.

Gloo between CPUs, NCCL between GPUs. Imports torch, so only training may import it.
"""

import gc
import socket
from collections.abc import Callable
from typing import Any

import torch
import torch.distributed as dist
import torch.multiprocessing


def place() -> tuple[int, int, int]:
    """(rank, how many processes, rank on this machine); (0, 1, 0) outside a group."""
    if not (dist.is_available() and dist.is_initialized()):
        return 0, 1, 0
    rank = dist.get_rank()
    return rank, dist.get_world_size(), dist.get_node_local_rank(fallback_rank=rank)


def launch(world: int, function: Callable[..., None], arguments: tuple[Any, ...] = ()) -> None:
    """Run `function(*arguments)` in `world` processes that form a group; ends when all have ended.

    Under torchrun the processes are already there: this one joins their group, and `world` is torchrun's.

    Args:
        world: How many; 1 = here, without a group.
        function: Importable by name, since each process is a fresh interpreter.
        arguments: Of the function, the same for each.

    Raises:
        torch.multiprocessing.ProcessRaisedException: One failed; its traceback is in the message, the others are ended.
    """
    if dist.is_torchelastic_launched():
        _in_group(function, arguments, "env://")
    elif world == 1:
        function(*arguments)
    else:
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            address = f"tcp://127.0.0.1:{free.getsockname()[1]}"
        spawn: Any = torch.multiprocessing.spawn  # type: ignore[attr-defined]  # it has no types
        spawn(_member, (world, address, function, arguments), nprocs=world)


def _member(rank: int, world: int, address: str, function: Callable[..., None], arguments: tuple[Any, ...]) -> None:
    _in_group(function, arguments, address, rank, world)


def _in_group(
    function: Callable[..., None], arguments: tuple[Any, ...], address: str, rank: int = -1, world: int = -1
) -> None:
    dist.init_process_group("nccl" if torch.cuda.is_available() else "gloo", address, rank=rank, world_size=world)
    try:
        if torch.cuda.is_available():
            torch.cuda.set_device(place()[2])
        function(*arguments)
        gc.collect()  # what still holds the group's threads must go before the group
        dist.barrier()  # and no one leaves while another still talks to it
    finally:
        dist.destroy_process_group()


def agreed(flag: bool) -> bool:
    """What the first process says; the others' flags do not count."""
    if place()[1] == 1:
        return flag
    said = [flag]
    dist.broadcast_object_list(said, src=0)
    return said[0]


def shared_bytes(payload: bytes | None) -> bytes | None:
    """The first process's payload, in every process."""
    if place()[1] == 1:
        return payload
    said = [payload]
    dist.broadcast_object_list(said, src=0)
    return said[0]


def mean_over_processes(total: float, count: int, device: torch.device) -> float:
    """Sum over the processes of the totals, divided by that of the counts; NaN where nothing was counted."""
    if place()[1] > 1:
        both = torch.tensor([total, float(count)], dtype=torch.float64, device=device)
        dist.all_reduce(both)
        total, count = float(both[0]), int(both[1])
    return total / count if count else float("nan")
