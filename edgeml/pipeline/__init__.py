"""The steps of `edgeml.convert`: plan, build, verify, gate, bundle, publish."""
