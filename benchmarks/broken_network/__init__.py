"""A network built to break int8, and what of it each way of quantizing saves."""
