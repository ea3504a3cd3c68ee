"""Region crop, denoising, resizing and normalising, with the exact way back; numpy in, numpy out."""

from trus.preprocessing.diffusion import isotropic_diffusion as isotropic_diffusion
from trus.preprocessing.diffusion import perona_malik as perona_malik
from trus.preprocessing.diffusion import srad as srad
from trus.preprocessing.geometry import Geometry as Geometry
from trus.preprocessing.preprocessor import Preprocessor as Preprocessor
