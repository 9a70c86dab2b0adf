"""Segment many images, or many planes of stacks, from a table of clicks."""

from __future__ import annotations

from napari_m2n2v2.batch.plan import BatchOutcome
from napari_m2n2v2.batch.run import segment_folder
from napari_m2n2v2.files.click_table import ClickTable, TableClick
from napari_m2n2v2.files.read_clicks import read_click_table

__all__ = ["BatchOutcome", "ClickTable", "TableClick", "read_click_table", "segment_folder"]
