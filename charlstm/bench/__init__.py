"""How fast charlstm is on this machine, beside PyTorch's own LSTM. Nothing measured is kept anywhere."""
