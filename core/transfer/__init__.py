"""Import and export: files of others brought in over the one way in, and what a person sees written out."""

from core.transfer.batches import clean_up
from core.transfer.exporting import export
from core.transfer.importing import Result, import_file
from core.transfer.templates import template

__all__ = ["Result", "clean_up", "export", "import_file", "template"]
