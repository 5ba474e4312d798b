"""What PyTorch sees on this machine, as a line of JSON: version, CUDA version or null, names of GPUs, threads.

A program of its own: the driver may differ from the one that PyTorch was built for, and its import takes seconds.
"""

from __future__ import annotations

import json
import sys


def main() -> None:
    """Write the line to stdout."""
    import torch

    available = torch.cuda.is_available()
    names = [torch.cuda.get_device_name(index) for index in range(torch.cuda.device_count())] if available else []
    sys.stdout.write(json.dumps([torch.__version__, torch.version.cuda, names, torch.get_num_threads()]) + "\n")


if __name__ == "__main__":
    main()
