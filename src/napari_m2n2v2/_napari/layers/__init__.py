"""The files that read or write napari layers."""
