"""Training: from a composed config to a verified model file."""

import os

# Page faults cost as much as arithmetic in small networks on a CPU: let PyTorch's allocator use huge pages. It reads
# this once, at its first allocation, so it has to be set before anything of trus.training makes a tensor.
os.environ.setdefault("THP_MEM_ALLOC_ENABLE", "1")
