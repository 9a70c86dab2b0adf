"""The paper, arrays in, arrays out: one section, one file. ``docs/paper.md`` maps every equation to its function.

3.1 :mod:`.attention`, 3.3 :mod:`.markov`, :mod:`.upsampling` and :mod:`.flood_fill`, 3.4 :mod:`.scoring`, 3.5
:mod:`.nearest_neighbour`; beyond the paper :mod:`.discs` and :mod:`.refinement`.
:mod:`napari_m2n2v2.session.segmentation` calls them in this order.
"""
