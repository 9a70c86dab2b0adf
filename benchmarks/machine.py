"""What a figure was measured on, in words."""

import os
import platform
from importlib.metadata import version
from pathlib import Path


def processor():
    """Name the processor."""
    cpuinfo = Path("/proc/cpuinfo")
    lines = cpuinfo.read_text().splitlines() if cpuinfo.is_file() else []
    names = [line.partition(":")[2].strip() for line in lines if "model name" in line]
    return f"{os.cpu_count()} cores of {names[0] if names else platform.processor() or platform.machine()}"


def versions(*names):
    """Name Python and packages with their versions."""
    return ", ".join([f"Python {platform.python_version()}", *(f"{name} {version(name)}" for name in names)])
