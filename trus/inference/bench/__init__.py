"""How fast model files are on this machine: each in a process of its own, in alternating rounds of one run."""

from trus.inference.bench.figures import Figures as Figures
from trus.inference.bench.figures import machine as machine
from trus.inference.bench.measure import Side as Side
from trus.inference.bench.measure import measure as measure
from trus.inference.bench.measure import sides_of as sides_of
