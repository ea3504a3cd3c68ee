"""Network factories behind one contract: (N, C, H, W) -> logits (N, K, H, W).

The factories are reached by their path (`trus.models.smp.build`, `trus.models.segformer.build`,
`trus.models.unet_small.build`), so that nobody waits for the import of a library that the network does not use.
"""

from trus.models.network import Network as Network
from trus.models.weights import load_encoder as load_encoder

__all__ = ["Network", "load_encoder"]
