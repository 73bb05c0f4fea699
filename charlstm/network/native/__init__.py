"""The steps of a window in C++: compiled on a machine for its processor (`compiler`), and called (`functions`)."""
