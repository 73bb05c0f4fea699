"""Files from strangers, made by hand: each is a way to get a reader to do what it should not."""
