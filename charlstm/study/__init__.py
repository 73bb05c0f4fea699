"""One training over several seeds: each trained and probed, all of it kept in one manifest."""
