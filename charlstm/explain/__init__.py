"""The gates at work: one cell over a text, one step in numbers, how long cells remember, how far gradients reach."""
