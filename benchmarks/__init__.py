"""One command a bar: each prints its figure beside the limit and exits 1 when it is missed."""
