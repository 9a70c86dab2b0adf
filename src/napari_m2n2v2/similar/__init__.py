"""Find the objects that look like one to a few examples, in the image at hand and with nothing trained before.

``find.py`` is what people call; it looks at a plane part by part (``plane.py``), learns from the examples
(``learning.py``) and proposes what is like them (``candidates.py``). ``docs/similar.md`` says what it is good for.
"""
