"""Pictures and movies of a fitted head, drawn without any other program."""

from pipeline.preview.movies import PreviewOptions, write_preview

__all__ = ["PreviewOptions", "write_preview"]
