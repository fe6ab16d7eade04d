"""What can go wrong in `ml`, as one tree.

MlError
├── DatasetError    the grid cannot give a dataset, or a stored dataset is not what its manifest says
├── CandidateError  a trained candidate on disk is missing or unreadable
├── BundleError     a sealed bundle is missing, altered, of another feature schema, or expired
│   └── BundleNameError  no bundle, or more than one, has the name that a person gave
├── RegistryError   a pointer (champion, challenger) cannot be read, moved or rolled back
└── ForecastError   the runtime was given a window that its model cannot take

Each message is one line: what was expected, what was found, what to do next.
"""


class MlError(Exception):
    """Root of everything that `ml` raises on purpose."""


class DatasetError(MlError):
    """The grid or a stored dataset cannot be used."""


class CandidateError(MlError):
    """A candidate's folder is not whole."""


class BundleError(MlError):
    """A bundle was refused."""


class BundleNameError(BundleError):
    """The beginning of a hash names no bundle or several: a slip of the person who typed it."""


class RegistryError(MlError):
    """A model pointer cannot be read or moved."""


class ForecastError(MlError):
    """A forecast was asked for with arrays of the wrong shape."""
