"""Errors that a user can act on: each message names the thing, the value and the way out."""


class TrusError(Exception):
    """Base of every error that trus raises on purpose; the command line prints it without a traceback."""


class ConfigError(TrusError):
    """A setting is unknown, of the wrong type or out of range."""


class ManifestError(TrusError):
    """The manifest, its classes.json or a file that it names is wrong."""


class SplitError(TrusError):
    """The frames cannot be split as asked."""


class ImageError(TrusError):
    """An image or mask file cannot be read, or has the wrong form."""


class IntakeError(TrusError):
    """A raw export cannot be taken in. The message never holds a name, tag or identifier of the file."""


class OversizeError(IntakeError):
    """A raw file announces more pixels, frames or bytes than are read."""


class AnnotationError(TrusError):
    """An annotation file, or an object in one, cannot be taken over."""


class WeightsError(TrusError):
    """Initial weights are missing, unreachable or do not fit the network."""


class ModelFileError(TrusError):
    """A model file or checkpoint is missing, damaged, too new or not one of trus."""


class TrainingError(TrusError):
    """Training cannot go on."""
