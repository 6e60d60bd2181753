"""Whether bundles give the source model's answers on emulated boards as on this machine."""
