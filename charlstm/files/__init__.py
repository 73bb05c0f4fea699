"""The disk: files that are whole or not there, folders held for one process, the cache; how much fits into memory."""
