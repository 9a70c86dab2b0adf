"""Everything the dock does, from napari's console. Paste it there; ``viewer`` is the one you are in."""

import napari

import napari_m2n2v2 as m

viewer = napari.current_viewer()
image = viewer.open_sample("napari-m2n2v2", "coffee")[0]

dock = m.attach(viewer)  # opens the dock, or finds the one that is open

# What the backbone sees, and how. Nothing is computed yet.
dock.change_settings(attention="appearance", grid=24, device="cpu", bit_depth="as shown")
dock.start(image)  # makes the layers and computes in the background; the console stays free

# Clicks: row and col in image pixels. They may come before the features are ready.
dock.click(200, 300)
dock.click(40, 60, foreground=False)
dock.points.add([[62, 270]])  # points added to the layer are clicks too

# Another object, and back to the first.
dock.next_object()
dock.click(330, 150)
dock.select_object(1)

# Change of mind: every change is one step.
dock.set_threshold(0, 0.4)  # click 0 reaches this far ...
dock.set_threshold(0, None)  # ... or as far as its score says
dock.undo()
dock.redo()

# Seeing why, and what next.
dock.show("Doubt")
dock.suggest()
