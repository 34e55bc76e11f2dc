"""How fast training data stream from disk, against the disk itself, on the same files in the same run.

    python -m benchmarks.speed.loader [--gb 1] [--folder DIR]       20 GB: --gb 20

Writes an archive of random samples (incompressible), then alternates between reading its files plainly (4 MB at a time)
and streaming it in shuffled batches. Before each pass the kernel is asked to drop the files from its cache
(posix_fadvise DONTNEED), so both are cold as far as this machine's own cache goes. The archive is deleted afterwards.
"""

import argparse
import os
import resource
import shutil
import tempfile
import time
from pathlib import Path

import numpy as np

from brise.io.shards import Reading, ShardReader, write_index, write_shard

SHAPE = (16, 32, 32)
SAMPLES = 512  # a shard: 34 MB
BATCH = 64


def write_archive(folder: Path, gigabytes: float) -> int:
    """Returns the bytes written; each shard is another."""
    rng = np.random.default_rng(0)
    base = rng.standard_normal((SAMPLES, *SHAPE)).astype(np.float32)
    names, total = [], 0
    while total < gigabytes * 1e9:
        names.append(f"{len(names):05d}")
        numbers = np.arange(SAMPLES) + len(names) * SAMPLES
        total += write_shard(folder, names[-1], {"x": base + np.float32(len(names)), "number": numbers}).bytes
    write_index(folder, names, {"licence": "CC0"})
    return total


def drop(folder: Path) -> None:
    """Ask the kernel to forget the files."""
    for path in folder.glob("*.arrow"):
        descriptor = os.open(path, os.O_RDONLY)
        os.fdatasync(descriptor)
        os.posix_fadvise(descriptor, 0, 0, os.POSIX_FADV_DONTNEED)
        os.close(descriptor)


def disk(folder: Path) -> float:
    """Seconds to read every file plainly."""
    drop(folder)
    block = bytearray(1 << 22)
    began = time.perf_counter()
    for path in sorted(folder.glob("*.arrow")):
        with path.open("rb", buffering=0) as file:
            while file.readinto(block):
                pass
    return time.perf_counter() - began


def stream(folder: Path, epoch: int) -> float:
    """Seconds to stream an epoch in batches, every sample counted."""
    drop(folder)
    began, seen = time.perf_counter(), 0
    with ShardReader(folder, Reading(BATCH)) as reader:
        for batch in reader.stream(epoch):
            seen += len(batch["x"])
        wanted = sum(shard.samples for shard in reader.shards)
    if seen != wanted:
        raise SystemExit(f"{seen} samples of {wanted} came")
    return time.perf_counter() - began


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--gb", type=float, default=1.0)
    parser.add_argument("--folder", type=Path)
    parser.add_argument("--passes", type=int, default=3)
    chosen, _ = parser.parse_known_args()
    folder = Path(tempfile.mkdtemp(prefix="brise-loader-", dir=chosen.folder))
    try:
        began = time.perf_counter()
        megabytes = write_archive(folder, chosen.gb) / 1e6
        written = megabytes / (time.perf_counter() - began)
        print(
            f"{megabytes:,.0f} MB written and hashed at {written:.0f} MB/s; load {os.getloadavg()[0]:.1f}", flush=True
        )
        before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e3
        ratios = []
        for epoch in range(chosen.passes):
            plain, ours = disk(folder), stream(folder, epoch)
            ratios.append(plain / ours)
            print(
                f"disk {megabytes / plain:5.0f} MB/s, loader {megabytes / ours:5.0f} MB/s, x{ratios[-1]:.2f}",
                flush=True,
            )
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e3
        print(
            f"loader at x{np.median(ratios):.2f} of the disk (at least 0.5 wanted); peak memory {peak:.0f} MB "
            f"(under 1,000 wanted; {before:.0f} after writing); load {os.getloadavg()[0]:.1f} on {os.cpu_count()} cores"
        )
    finally:
        shutil.rmtree(folder)


if __name__ == "__main__":
    main()
