"""watchfloor: one watch floor for IT, physical security, plant and people."""

__version__ = "0.1.0"
