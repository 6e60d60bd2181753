"""edgeml's int8 beside that of other quantizers: how much is lost, and what it costs."""
