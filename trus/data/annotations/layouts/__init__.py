"""Public data sets, each by its own folder layout: readers `(source, options) -> Export`, one a data set."""

from trus.data.annotations.layouts.busi import read_busi
from trus.data.annotations.layouts.hc18 import read_hc18
from trus.data.annotations.layouts.microus import read_microus
from trus.data.annotations.layouts.muregpro import read_muregpro
from trus.data.annotations.layouts.usgra import read_usgra

__all__ = ["read_busi", "read_hc18", "read_microus", "read_muregpro", "read_usgra"]
