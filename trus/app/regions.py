"""Which part of a frame is segmented where the page does not say: as in the web API, or the picture that was found."""

from dataclasses import replace

from trus.app.studies.store import Study
from trus.inference.predictor import Predictor
from trus.serving.requests.options import Options

FOUND = "segmented within the ultrasound picture that was found in the frame"


def within_sector(study: Study, predictor: Predictor, options: Options) -> tuple[Options, tuple[str, ...]]:
    """The options, and a note where they now say the study's sector.

    So it is where the model was trained on frames that were cropped to a region and the file names none: taken whole,
    such a frame would not look like any of them.
    """
    metadata = predictor.members[0].metadata
    crops = metadata.data.cropped > 0 and metadata.preprocessor.region == "manifest"
    if options.region != "auto" or not crops or study.sector is None:
        return options, ()
    return replace(options, region=study.sector), (FOUND,)
