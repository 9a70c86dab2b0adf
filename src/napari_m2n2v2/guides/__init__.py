"""Channels that guide upsampling and flood fill: depth (section 3.2), and others beyond the paper."""
