"""The heart: the gates, the layer, the stack and the model, written to be read, and what makes them fast."""
