"""One HTML file in which a model runs: weights, page, style and script, put together. Data in, bytes out."""
