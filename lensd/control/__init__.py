"""How processes talk to the keeper: one JSON object a line, over Unix sockets."""
