"""Qt and magicgui."""
