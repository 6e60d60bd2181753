"""What the runtime costs beside the bare engine: bundles to measure, and programs of the board."""
