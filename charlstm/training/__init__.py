"""Training: a plan from the corpus, a session from a plan or a saved run, a loop that yields events."""
