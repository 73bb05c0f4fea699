"""What comes next in a number series, by a network that reads digits, and how well it does."""
