"""Coverage-guided fuzzing of what reads files that come from anywhere."""
