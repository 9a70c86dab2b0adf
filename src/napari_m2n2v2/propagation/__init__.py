"""Objects from plane to plane; beyond the paper."""
