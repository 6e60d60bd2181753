"""The program: one module for each verb of the public API; `edgeml` re-exports them lazily."""
