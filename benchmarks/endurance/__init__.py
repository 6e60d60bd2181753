"""Whether the runtime's memory, threads and files stay as they are, however long it runs."""
