"""What is drawn from what a network says of the next character, and what may be; nothing here knows a network."""
